// Live records as Redis holds them: HASHes of strings, parsed at the edge by these schemas. Counters change only in Lua.
import { z } from "zod";
import { attemptFailureSchema, checkpointRefSchema, runMetricsSchema, stateSchema, sweepRecordSchema } from "./records.ts";
import { parametersSchema } from "./sweep-file.ts";

const count = z.coerce.number().int();
const json = <T extends z.ZodType>(schema: T): z.ZodPipe<z.ZodTransform, T> =>
  z.preprocess((text) => (typeof text === "string" && text !== "" ? JSON.parse(text) : text === "" ? null : text), schema) as never;
const textOrNull = z
  .string()
  .optional()
  .transform((text) => (text === undefined || text === "" ? null : text));

/** HASH `sweep:<id>` */
export const liveSweepSchema = z.object({
  record: json(sweepRecordSchema),
  state: stateSchema,
  stopping: textOrNull.pipe(z.enum(["cancelled", "failed"]).nullable()),
  reason: textOrNull,
  sequence: count,
  /** budget.trials plus what was added since */
  trialBudget: count,
  /** Parameters (with the number of the failed or cancelled trial) waiting to become trials: a JSON list. */
  retries: json(z.array(z.strictObject({ retryOf: z.int(), parameters: parametersSchema }))).default([]),
  trialsCreated: count.default(0),
  trialsCompleted: count.default(0),
  trialsPruned: count.default(0),
  trialsFailed: count.default(0),
  trialsCancelled: count.default(0),
  /** Failed and cancelled trials that were asked to be tried again, those in `retries` included. */
  trialsRetried: count.default(0),
  /** Trials that had failed when failed ones were last retried or the sweep was last reopened; they no longer count against maxFailures. */
  failuresForgiven: count.default(0),
  /** dispatched and not final, parked or back in the backlog */
  runsInFlight: count.default(0),
  runsRunning: count.default(0),
  runsFinal: count.default(0),
  /** How long attempts that are over held a slot, however they ended. */
  slotSeconds: z.coerce.number().default(0),
  /** Time in state running before `runningSinceMs`: what counts against wallClock. */
  runningMs: count.default(0),
  /** null while the sweep is in another state. */
  runningSinceMs: count.nullable().default(null),
  submittedAtMs: count,
  startedAtMs: count.nullable().default(null),
  finishedAtMs: count.nullable().default(null),
  bestTrial: count.nullable().default(null),
  bestValue: z.coerce.number().nullable().default(null),
  /** Segments of the decision log written so far. */
  logSegments: count.default(0),
});
export type LiveSweep = z.infer<typeof liveSweepSchema>;

/** HASH `trial:<sweep>:<n>` */
export const liveTrialSchema = z.object({
  sweep: z.string(),
  number: count,
  state: stateSchema,
  parameters: json(parametersSchema),
  folds: count,
  stopping: textOrNull.pipe(z.enum(["cancelled", "failed", "pruned"]).nullable()),
  reason: textOrNull,
  runsCompleted: count.default(0),
  runsPruned: count.default(0),
  runsFailed: count.default(0),
  runsCancelled: count.default(0),
  retryOf: count.nullable().default(null),
});
export type LiveTrial = z.infer<typeof liveTrialSchema>;

/** HASH `run:<id>` */
export const liveRunSchema = z.object({
  id: z.string(),
  sweep: z.string(),
  trial: count,
  fold: count,
  state: stateSchema,
  /** Rises at every dispatch; 0 = never dispatched. */
  attempt: count,
  pool: z.string(),
  worker: textOrNull,
  /** Failures that count against retry.max. */
  failures: json(z.array(attemptFailureSchema)).default([]),
  /** How the attempt that parked this run ended; null when it is not parked. */
  parked: json(attemptFailureSchema.nullable()).default(null),
  checkpoint: json(checkpointRefSchema.nullable()).default(null),
  /** The last epoch whose points are in the stream. */
  pointsEpoch: count.default(0),
  metrics: json(runMetricsSchema.nullable()).default(null),
  reason: textOrNull,
  startedAtMs: count.nullable().default(null),
  finishedAtMs: count.nullable().default(null),
});
export type LiveRun = z.infer<typeof liveRunSchema>;
