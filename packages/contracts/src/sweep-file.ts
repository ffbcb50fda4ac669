// The sweep file: what a user writes, with every default. Unknown keys are refused with the nearest match (explain.ts);
// the JSON Schema under docs/ is generated from here. Rules that need more than one key are in sweep-rules.ts.
import { z } from "zod";

export const modelSchema = z.strictObject({
  arch: z.literal("venet").default("venet").describe("the network"),
  heads: z
    .enum(["both", "classification", "segmentation"])
    .default("both")
    .describe("which heads are trained; a dataset without labels or masks drops its head"),
  depth: z.int().min(2).max(8).default(5).describe("levels of the encoder; inputSize must be divisible by 2^(depth-1)"),
  baseFilters: z.int().min(1).max(512).default(32).describe("feature maps of the first level; they double per level up to maxFilters"),
  maxFilters: z.int().min(1).max(2048).default(480).describe("most feature maps of a level"),
  inputSize: z.int().min(8).max(2048).default(128).describe("side of the square network input, pixels"),
  resize: z
    .enum(["stretch", "fit"])
    .default("stretch")
    .describe("how an image becomes a square: stretch changes its aspect ratio, fit keeps it and pads"),
});
export type ModelConfig = z.infer<typeof modelSchema>;

export const optimizerSchema = z.strictObject({
  type: z.literal("sgd").default("sgd").describe("stochastic gradient descent"),
  learningRate: z.number().positive().max(100).default(0.01).describe("at the first step; see schedule"),
  momentum: z.number().min(0).lt(1).default(0.99).describe("share of the last step that is kept"),
  nesterov: z.boolean().default(true).describe("Nesterov's form of the momentum"),
  weightDecay: z.number().min(0).max(1).default(3e-5).describe("L2 penalty, added to the gradient"),
  schedule: z.enum(["poly", "constant"]).default("poly").describe("poly: learningRate × (1 - step/steps)^0.9 at every step"),
});
export type OptimizerConfig = z.infer<typeof optimizerSchema>;

export const lossSchema = z.strictObject({
  classWeight: z.number().min(0).max(1000).default(0.5).describe("weight of the class head's cross-entropy"),
  segmentationWeight: z.number().min(0).max(1000).default(1).describe("weight of the decoder's cross-entropy plus Dice loss"),
  deepSupervision: z.boolean().default(true).describe("a segmentation loss after every decoder level, halved per level down"),
});
export type LossConfig = z.infer<typeof lossSchema>;

export const trainSchema = z.strictObject({
  seed: z.int().min(0).max(0xffffffff).default(1).describe("a run's draws follow from it and the fold: equal for every trial"),
  epochs: z.int().min(1).max(100_000).default(20).describe("passes over the training part of the fold"),
  batchSize: z.int().min(2).max(4096).default(8).describe("images a step; at least 2, because batch normalisation needs it"),
  optimizer: optimizerSchema.prefault({}),
  loss: lossSchema.prefault({}),
  augment: z.enum(["default", "none"]).default("default").describe("default: random mirroring, image and mask alike"),
});
export type TrainConfig = z.infer<typeof trainSchema>;

const scalar = z.union([z.number(), z.string(), z.boolean()]);
export type ParameterValue = z.infer<typeof scalar>;
export type Parameters = Record<string, ParameterValue>;
export const parametersSchema: z.ZodType<Parameters> = z.record(z.string(), scalar);

export const floatParameterSchema = z.strictObject({
  type: z.literal("float"),
  min: z.number().describe("smallest value"),
  max: z.number().describe("largest value"),
  log: z.boolean().default(false).describe("drawn evenly on a logarithmic scale; min must be above 0"),
  step: z.number().positive().optional().describe("only min, min + step, … are drawn; a grid needs it; not with log"),
});
export const intParameterSchema = z.strictObject({
  type: z.literal("int"),
  min: z.int().describe("smallest value"),
  max: z.int().describe("largest value"),
  log: z.boolean().default(false).describe("drawn evenly on a logarithmic scale; min must be above 0"),
  step: z.int().positive().default(1).describe("only min, min + step, … are drawn"),
});
export const categoricalParameterSchema = z.strictObject({
  type: z.literal("categorical"),
  values: z.array(scalar).min(1).max(1000).describe("each is drawn equally often"),
});
export const parameterSchema = z.discriminatedUnion("type", [floatParameterSchema, intParameterSchema, categoricalParameterSchema]);
export type Parameter = z.infer<typeof parameterSchema>;
export type SearchSpace = Record<string, Parameter>;

export const OBJECTIVE_METRICS = ["dice", "accuracy", "score"] as const;
export type ObjectiveMetric = (typeof OBJECTIVE_METRICS)[number];
export const objectiveSchema = z.strictObject({
  metric: z.enum(OBJECTIVE_METRICS).default("dice").describe("mean over the folds, final epoch; score = (accuracy + dice) / 2"),
  goal: z.enum(["maximize", "minimize"]).default("maximize").describe("which end of the metric is the best"),
});
export type Objective = z.infer<typeof objectiveSchema>;

export const samplerSchema = z.strictObject({
  type: z.enum(["random", "grid"]).default("random").describe("grid takes every combination in order"),
  seed: z.int().min(0).max(0xffffffff).default(1).describe("the same seed draws the same trials"),
});
export type SamplerConfig = z.infer<typeof samplerSchema>;

const noPruner = (what: string) => z.strictObject({ type: z.literal("none").default("none").describe(what) }).prefault({});
export const prunerSchema = z.strictObject({
  epoch: noPruner("no run is ended before its last epoch"),
  fold: noPruner("no trial is ended before its last fold"),
});

export const cvSchema = z.strictObject({
  folds: z.int().min(1).max(100).default(5).describe("1 = one hold-out of validationShare instead"),
  stratify: z.enum(["label", "none"]).default("label").describe("label: every fold gets its share of each label"),
  groupBy: z.enum(["group", "source", "none"]).default("group").describe("rows that share this are never split over folds"),
  seed: z.int().min(0).max(0xffffffff).default(12345).describe("the same seed makes the same folds"),
  validationShare: z.number().gt(0).lt(1).default(0.2).describe("used only when folds is 1"),
});
export type CvConfig = z.infer<typeof cvSchema>;

export const DURATION = /^(\d+(?:\.\d+)?)(s|m|h|d)$/;
export const budgetSchema = z.strictObject({
  trials: z.int().min(1).max(1_000_000).describe("trials to make; every trial is all its folds"),
  maxFailures: z.int().min(0).optional().describe("the sweep fails when more trials than this have failed"),
  wallClock: z
    .string()
    .regex(DURATION, "a duration such as 90s, 30m, 12h, 2d")
    .optional()
    .describe("a duration such as 90s, 30m, 12h or 2d: no new trial starts after it"),
  gpuHours: z.number().positive().optional().describe("no new trial starts once the runs have used this many slot-hours"),
});
export type Budget = z.infer<typeof budgetSchema>;

export const POOL_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;
export const resourcesSchema = z.strictObject({
  pool: z
    .string()
    .regex(POOL_NAME, "1-32 of a-z, 0-9, `-`, `_`")
    .default("default")
    .describe("the workers that may take its runs: 1-32 of a-z, 0-9, `-`, `_`"),
  concurrency: z.int().min(1).max(100_000).default(8).describe("runs of this sweep in flight at once"),
  priority: z.int().min(-1000).max(1000).default(0).describe("of several sweeps the higher goes first"),
  threads: z.int().min(1).max(256).default(1).describe("CPU threads a run"),
});

export const sweepFileSchema = z.strictObject({
  name: z.string().min(1).max(100).describe("for people; need not be unique"),
  dataset: z.string().min(1).max(200).describe("name (highest version), name@version or name@hash"),
  model: modelSchema.prefault({}),
  train: trainSchema.prefault({}),
  parameters: z
    .record(z.string(), parameterSchema)
    .default({})
    .describe("paths into model and train, such as train.optimizer.learningRate"),
  objective: objectiveSchema.prefault({}),
  sampler: samplerSchema.prefault({}),
  pruner: prunerSchema.prefault({}),
  cv: cvSchema.prefault({}),
  budget: budgetSchema,
  resources: resourcesSchema.prefault({}),
  checkpoints: z
    .strictObject({
      keepBest: z.int().min(0).max(1000).default(1).describe("the models of this many best trials stay once the sweep is final"),
      keepLast: z.int().min(1).max(100).default(1).describe("newest checkpoints kept of a running run"),
    })
    .prefault({}),
  retry: z
    .strictObject({ max: z.int().min(0).max(100).default(2).describe("how often a failed run is tried again before it fails for good") })
    .prefault({}),
});

/** A sweep file as written: everything but name, dataset and budget may be left out. */
export type SweepFile = z.input<typeof sweepFileSchema>;
/** A sweep file with every default filled in. */
export type SweepSpec = z.output<typeof sweepFileSchema>;

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Milliseconds of a duration such as `30m`. */
export function durationMs(text: string): number {
  const match = DURATION.exec(text);
  if (match === null) throw new RangeError(`not a duration: ${text}`);
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}
