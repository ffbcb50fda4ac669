// What the worker and its trainer child say to each other. Files pass by path and hash; both sides parse what they receive.
import { z } from "zod";
import { epochPointsSchema, fingerprintSchema, runMetricsSchema } from "./records.ts";
import { modelSchema, trainSchema } from "./sweep-file.ts";
import { foldSplitSchema, sha256Schema } from "./dataset.ts";

/** All a trainer needs; nothing else reaches it, not even credentials. */
export const trainerStartSchema = z.strictObject({
  type: z.literal("start"),
  run: z.string(),
  attempt: z.int().positive(),
  /** hash(train.seed, fold): the same for every trial. */
  seed: z.int().nonnegative(),
  model: modelSchema,
  train: trainSchema,
  heads: z.enum(["both", "classification", "segmentation"]),
  labels: z.array(z.string()),
  maskClasses: z.int().nonnegative(),
  fold: z.int().nonnegative(),
  split: foldSplitSchema,
  /** Folder of the packed dataset (input size and resize already applied). */
  packFolder: z.string(),
  /** Empty folder of this attempt for everything the trainer writes. */
  outFolder: z.string(),
  checkpoint: z.strictObject({ path: z.string(), sha256: sha256Schema, epoch: z.int().nonnegative() }).nullable(),
  /** Write a checkpoint after every n-th epoch (and always when told to stop). */
  checkpointEvery: z.int().positive(),
  threads: z.int().positive(),
  /** Threads that fill batches beside the training thread; 0 = it does so itself. */
  inputThreads: z.int().nonnegative(),
});
export type TrainerStart = z.infer<typeof trainerStartSchema>;

export const toTrainerSchema = z.discriminatedUnion("type", [
  trainerStartSchema,
  /** release: write a checkpoint, then end with `stopped`. cancel: end with `stopped` at once. */
  z.strictObject({ type: z.literal("stop"), how: z.enum(["release", "cancel"]) }),
]);
export type ToTrainer = z.infer<typeof toTrainerSchema>;

const writtenFileSchema = z.strictObject({ path: z.string(), sha256: sha256Schema, sizeBytes: z.int().nonnegative() });
export const trainerFileSchema = writtenFileSchema.extend({ role: z.enum(["metrics", "predictions", "log", "model"]) });
export type TrainerFile = z.infer<typeof trainerFileSchema>;

export const fromTrainerSchema = z.discriminatedUnion("type", [
  /** The child is up and waits for `start`. */
  z.strictObject({ type: z.literal("ready") }),
  z.strictObject({
    type: z.literal("started"),
    fingerprint: fingerprintSchema,
    parameterCount: z.int().positive(),
    firstEpoch: z.int().positive(),
    resumedFrom: z.array(fingerprintSchema),
  }),
  z.strictObject({
    type: z.literal("progress"),
    epoch: z.int().positive(),
    epochs: z.int().positive(),
    step: z.int().nonnegative(),
    steps: z.int().positive(),
    imagesPerSecond: z.number().nonnegative(),
  }),
  z.strictObject({ type: z.literal("points"), points: epochPointsSchema }),
  z.strictObject({ type: z.literal("checkpoint"), epoch: z.int().nonnegative(), file: writtenFileSchema }),
  z.strictObject({ type: z.literal("log"), level: z.enum(["info", "warn", "error"]), message: z.string() }),
  /** Files are complete and closed; the child exits with 0 after this. */
  z.strictObject({
    type: z.literal("finished"),
    epochs: z.int().positive(),
    metrics: runMetricsSchema,
    files: z.array(trainerFileSchema),
    trainSeconds: z.number().nonnegative(),
    imagesPerSecond: z.number().nullable(),
    fingerprint: fingerprintSchema,
    resumedFrom: z.array(fingerprintSchema),
  }),
  z.strictObject({ type: z.literal("stopped"), how: z.enum(["release", "cancel"]), epoch: z.int().nonnegative() }),
  z.strictObject({ type: z.literal("failed"), code: z.string(), message: z.string() }),
]);
export type FromTrainer = z.infer<typeof fromTrainerSchema>;

/** How the worker sees a trainer: a forked child in production, an in-process no-op in benchmarks. */
export interface Trainer {
  send(message: ToTrainer): void;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}
export interface TrainerEvents {
  message(message: FromTrainer): void;
  /** Once, after the last message. */
  exit(end: { code: number | null; signal: string | null; stderrTail: string }): void;
}
/** A place of a worker where one run at a time is trained. A trainer sees its slot's device and no other. */
export interface Slot {
  /** Unique in its worker, such as `cpu-3` or `gpu-0-1` (the second slot of the first GPU). */
  readonly name: string;
  readonly device: { readonly kind: "cpu" } | { readonly kind: "gpu"; readonly uuid: string };
}
export type LaunchTrainer = (options: { threads: number; workFolder: string; slot: Slot }, events: TrainerEvents) => Trainer;
/** Launches trainers and may keep some ready for what comes next. */
export interface TrainerPool {
  readonly launch: LaunchTrainer;
  /** Ends what waits for a run; what runs is left to whoever launched it. */
  close(): Promise<void>;
}
