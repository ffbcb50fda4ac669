// The records of the system: what Redis keeps of sweeps, trials and runs, what the store keeps for ever, and the decision log.
import { z } from "zod";
import { FINAL_STATES, STATES } from "./states.ts";
import { parametersSchema, sweepFileSchema } from "./sweep-file.ts";
import { SCHEMA_VERSION, sha256Schema } from "./dataset.ts";

export const stateSchema = z.enum(STATES);
export const finalStateSchema = z.enum(FINAL_STATES);

/** `sweeps/<sweep>/sweep.json`: what was submitted, resolved. Immutable. */
export const sweepRecordSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  id: z.string(),
  spec: sweepFileSchema,
  dataset: z.strictObject({
    name: z.string(),
    hash: sha256Schema,
    labels: z.array(z.string()),
    maskClasses: z.int().nonnegative().describe("with the background; 0 = no masks"),
  }),
  /** What is trained: the spec's heads less those the dataset cannot supply. */
  heads: z.enum(["both", "classification", "segmentation"]),
  splitsHash: sha256Schema,
  folds: z.int().positive(),
  submittedAtMs: z.int().nonnegative(),
});
export type SweepRecord = z.infer<typeof sweepRecordSchema>;

/** Why an attempt ended without a result. `released`, `paused` and `preempted` count as no failure. */
export const ATTEMPT_ENDS = ["released", "paused", "lost", "crashed", "outOfMemory", "userError", "cancelled"] as const;
export type AttemptEnd = (typeof ATTEMPT_ENDS)[number];
export const attemptFailureSchema = z.strictObject({
  attempt: z.int().nonnegative().describe("0 = stopped before it was ever dispatched"),
  reason: z.enum(ATTEMPT_ENDS),
  code: z.string().describe("error code of the registry"),
  message: z.string(),
  worker: z.string().nullable(),
});
export type AttemptFailure = z.infer<typeof attemptFailureSchema>;

/** The newest uploaded checkpoint of a running run. */
export const checkpointRefSchema = z.strictObject({
  attempt: z.int().positive(),
  epoch: z.int().nonnegative().describe("epochs completed"),
  key: z.string(),
  sha256: sha256Schema,
  sizeBytes: z.int().positive(),
});
export type CheckpointRef = z.infer<typeof checkpointRefSchema>;

/** The engine a run was trained on: equal fingerprints give bit-equal numbers. */
export const fingerprintSchema = z.strictObject({
  engine: z.string(),
  tensorflowVersion: z.string(),
  deviceKind: z.string(),
  instructionSet: z.string(),
  threads: z.int().positive(),
});
export type EngineFingerprint = z.infer<typeof fingerprintSchema>;

/** Scores of the final epoch's weights on the validation part of the fold. null = no data, never 0. */
export const runMetricsSchema = z.record(z.string(), z.number().nullable());
export type RunMetrics = z.infer<typeof runMetricsSchema>;

export const resultFileSchema = z.strictObject({
  name: z.string().describe("under the attempt's prefix"),
  role: z.enum(["metrics", "predictions", "log", "model"]),
  /** Required files are never removed; retained ones follow `checkpoints.keepBest`. */
  required: z.boolean(),
  sha256: sha256Schema,
  sizeBytes: z.int().nonnegative(),
});
export type ResultFile = z.infer<typeof resultFileSchema>;

/** `result.json`: written once by create-if-absent; the truth about a run. */
export const runResultSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  run: z.string(),
  sweep: z.string(),
  trial: z.int().nonnegative(),
  fold: z.int().nonnegative(),
  attempt: z.int().nonnegative().describe("0 = never started"),
  state: finalStateSchema,
  reason: z.string().nullable(),
  parameters: parametersSchema,
  seed: z.int().nonnegative(),
  fingerprint: fingerprintSchema.nullable(),
  /** Fingerprints of earlier attempts whose checkpoints this one went on from, where they differ. */
  resumedFrom: z.array(fingerprintSchema),
  nonce: z.string(),
  epochs: z.int().nonnegative(),
  metrics: runMetricsSchema,
  files: z.array(resultFileSchema),
  failures: z.array(attemptFailureSchema),
  timing: z.strictObject({
    startedAtMs: z.int().nullable(),
    finishedAtMs: z.int(),
    trainSeconds: z.number().nonnegative(),
    imagesPerSecond: z.number().nullable(),
  }),
});
export type RunResult = z.infer<typeof runResultSchema>;

/** One line of `sweeps/<sweep>/log/<n>.jsonl`: what the scheduler decided, by which rule. A trial number seen twice: the first line holds. */
export const decisionSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("trialCreated"),
    trial: z.int().nonnegative(),
    parameters: parametersSchema,
    rule: z.string(),
    retryOf: z.int().nullable(),
    atMs: z.int(),
  }),
  z.strictObject({
    type: z.literal("trialSettled"),
    trial: z.int().nonnegative(),
    state: finalStateSchema,
    reason: z.string().nullable(),
    value: z.number().nullable(),
    rule: z.string(),
    atMs: z.int(),
  }),
  z.strictObject({
    type: z.literal("sweepSettled"),
    state: finalStateSchema,
    reason: z.string().nullable(),
    rule: z.string(),
    atMs: z.int(),
  }),
  /** A user asked for it; it was done unless a `sweepEditRefused` of the same action follows. */
  z.strictObject({
    type: z.literal("sweepEdited"),
    action: z.enum(["pause", "resume", "cancel", "addTrials", "retryFailed"]),
    trials: z.int().nullable(),
    atMs: z.int(),
  }),
  z.strictObject({
    type: z.literal("sweepEditRefused"),
    action: z.enum(["pause", "resume", "cancel", "addTrials", "retryFailed"]),
    trials: z.int().nullable(),
    atMs: z.int(),
  }),
]);
export type Decision = z.infer<typeof decisionSchema>;

/** A metric value at (run, epoch, name); all names of one epoch travel together. */
export const epochPointsSchema = z.strictObject({ epoch: z.int().positive(), values: z.record(z.string(), z.number()) });
export type EpochPoints = z.infer<typeof epochPointsSchema>;
