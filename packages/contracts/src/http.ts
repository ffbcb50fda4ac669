// The HTTP API as types: request and response bodies of /api/v1, shared by scheduler, aggregator, client, CLI and dashboard.
import { z } from "zod";
import { datasetRecordSchema, datasetVersionSchema, manifestRowSchema, sha256Schema } from "./dataset.ts";
import { epochPointsSchema, runMetricsSchema, runResultSchema, stateSchema } from "./records.ts";
import { parametersSchema, objectiveSchema } from "./sweep-file.ts";
import { SWEEP_ID } from "./ids.ts";

export const API = "/api/v1";

/** POST /sweeps. `spec` is the sweep file as written; the server parses it again. 201 created, 200 it was there already. */
export const submitRequestSchema = z.strictObject({ id: z.string().regex(SWEEP_ID), spec: z.unknown() });
export type SubmitRequest = z.infer<typeof submitRequestSchema>;
export const submitReplySchema = z.object({ id: z.string(), created: z.boolean(), warnings: z.array(z.string()) });
export type SubmitReply = z.infer<typeof submitReplySchema>;

const count = z.int().nonnegative();
export const sweepStatusSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: stateSchema,
  /** Set while the sweep winds down. */
  stopping: z.enum(["cancelled", "failed"]).nullable(),
  reason: z.string().nullable(),
  dataset: z.string(),
  objective: objectiveSchema,
  folds: count,
  submittedAtMs: count,
  finishedAtMs: count.nullable(),
  trials: z.object({ budget: count, created: count, completed: count, pruned: count, failed: count, cancelled: count }),
  runs: z.object({ total: count, queued: count, running: count, final: count }),
  /** Trials left x folds over the rate so far; null until a run has finished. */
  etaSeconds: z.number().nullable(),
  best: z.object({ trial: count, value: z.number() }).nullable(),
});
export type SweepStatus = z.infer<typeof sweepStatusSchema>;

/** POST /sweeps/:id/actions */
export const sweepActionSchema = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("pause") }),
  z.strictObject({ action: z.literal("resume"), addTrials: z.int().min(1).max(1_000_000).optional() }),
  z.strictObject({ action: z.literal("cancel") }),
  z.strictObject({ action: z.literal("retryFailed") }),
]);
export type SweepAction = z.infer<typeof sweepActionSchema>;

/** GET /results/sweeps/:id/trials: `saphena trials SWEEP --json` prints exactly this array. */
export const foldRowSchema = z.object({ fold: count, state: stateSchema, metrics: runMetricsSchema });
export const trialRowSchema = z.object({
  number: count,
  state: stateSchema,
  parameters: parametersSchema,
  metrics: runMetricsSchema,
  folds: z.array(foldRowSchema),
});
export type TrialRow = z.infer<typeof trialRowSchema>;

/** GET /results/sweeps/:id/best: the best completed trial with the result of every fold; null while none is completed. */
export const bestReplySchema = z.object({
  best: z.object({ value: z.number(), trial: trialRowSchema, results: z.array(runResultSchema) }).nullable(),
});
export type BestReply = z.infer<typeof bestReplySchema>;

/** GET /results/sweeps/:id/curves?name=dice: one curve a run. */
export const curveSchema = z.object({ trial: count, fold: count, name: z.string(), epochs: z.array(count), values: z.array(z.number()) });
export type Curve = z.infer<typeof curveSchema>;

/** GET /runs/:run: the live record of one run; the server may add fields. */
export const runStatusSchema = z.looseObject({
  id: z.string(),
  sweep: z.string(),
  trial: count,
  fold: count,
  state: stateSchema,
  attempt: count,
  worker: z.string().nullable().optional(),
  reason: z.string().nullable().optional(),
});
export type RunStatus = z.infer<typeof runStatusSchema>;
/** GET /runs/:run/log */
export const runLogSchema = z.object({ lines: z.array(z.string()) });
/** POST /results/rebuild: counts of what was read again, such as `{"sweeps":3,"runs":27}`. */
export const rebuildReplySchema = z.record(z.string(), z.unknown());

/** What trains on a worker. Memory in MiB (2^20 bytes); use and utilization are the whole device's, other programs included; null = not told. */
export const deviceStatusSchema = z.object({
  kind: z.enum(["cpu", "gpu"]),
  /** Of the machine: the GPU's or MIG instance's own UUID, or `cpu`. */
  id: z.string(),
  name: z.string(),
  /** Slots of this worker (in a pool: of all its workers on that machine) that use it. */
  slots: count,
  memoryTotalMiB: z.number().nonnegative().nullable(),
  memoryUsedMiB: z.number().nonnegative().nullable(),
  utilizationPercent: z.number().min(0).max(100).nullable(),
});
export type DeviceStatus = z.infer<typeof deviceStatusSchema>;
export const poolStatusSchema = z.object({
  pool: z.string(),
  slots: count,
  running: count,
  waiting: count,
  backlog: count,
  workers: count,
  devices: z.array(deviceStatusSchema.extend({ host: z.string() })).default([]),
});
export type PoolStatus = z.infer<typeof poolStatusSchema>;
export const workerStatusSchema = z.object({
  id: z.string(),
  pool: z.string(),
  host: z.string(),
  pid: count,
  slots: count,
  lastSeenMs: count,
  devices: z.array(deviceStatusSchema).default([]),
  running: z.array(z.object({ run: z.string(), attempt: count, epoch: count, epochs: count, imagesPerSecond: z.number().nullable() })),
});
export type WorkerStatus = z.infer<typeof workerStatusSchema>;

/** Server-sent events of GET /sweeps/:id/events: `status` (SweepStatus), `points`, `trials` (something in the table changed), `workers`. */
export const livePointsSchema = z.object({ trial: count, fold: count, points: epochPointsSchema });
export type LivePoints = z.infer<typeof livePointsSchema>;

// Datasets travel through the front door: ask what is missing, send that, then publish the version.
export const missingRequestSchema = z.strictObject({ objects: z.array(sha256Schema).max(100_000) });
export const missingReplySchema = z.object({ missing: z.array(z.string()) });
export const publishRequestSchema = z.strictObject({ record: datasetRecordSchema, rows: z.array(manifestRowSchema).min(1) });
export type PublishRequest = z.infer<typeof publishRequestSchema>;
export const publishReplySchema = z.object({ name: z.string(), hash: z.string(), version: z.int(), created: z.boolean() });
export type PublishReply = z.infer<typeof publishReplySchema>;
export const datasetSummarySchema = z.object({ name: z.string(), versions: z.array(datasetVersionSchema), latest: datasetRecordSchema });
export type DatasetSummary = z.infer<typeof datasetSummarySchema>;
export const datasetDetailSchema = z.object({
  record: datasetRecordSchema,
  version: datasetVersionSchema,
  rows: z.array(manifestRowSchema),
});
export type DatasetDetail = z.infer<typeof datasetDetailSchema>;

export const errorReplySchema = z.object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string() }) });
