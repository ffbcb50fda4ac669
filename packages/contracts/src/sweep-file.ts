// The sweep file: what a user writes, with every default. Unknown keys are refused with the nearest match (explain.ts);
// the JSON Schema under docs/ is generated from here. Rules that need more than one key are in sweep-rules.ts.
import { z } from "zod";
import { augmentationSchema } from "./augmentation.ts";

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

/** What both optimizers have, with the defaults that differ. */
const optimizerCommon = (defaults: { learningRate: number; weightDecay: number; decay: string }) => ({
  learningRate: z.number().positive().max(100).default(defaults.learningRate).describe("the highest one, after the warm-up; see schedule"),
  weightDecay: z.number().min(0).max(1).default(defaults.weightDecay).describe(defaults.decay),
  schedule: z
    .enum(["poly", "cosine", "constant"])
    .default("poly")
    .describe(
      "how the rate falls over the steps t = 0…T-1 after the warm-up: poly (1 - t/T)^0.9, cosine (1 + cos(π·t/T))/2, constant 1, as a share of learningRate",
    ),
  warmupEpochs: z
    .number()
    .min(0)
    .max(100_000)
    .default(0)
    .describe(
      "epochs (0.5 is half of one) in which the rate rises linearly: learningRate × (s+1)/(W+1) at step s of W; must be below epochs",
    ),
  minLearningRateShare: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("m: poly and cosine fall to this share of learningRate instead of 0, as m + (1-m) × their curve"),
  clipNorm: z
    .union([z.literal("none"), z.number().positive().max(1e6)])
    .default("none")
    .describe("longest gradient over all parameters together (L2 norm): a longer one is scaled down to it; nnU-Net uses 12"),
});

const sgdSchema = z.strictObject({
  // The optional makes sgd the one that is meant where no type is written.
  type: z.literal("sgd").optional().default("sgd").describe("stochastic gradient descent with momentum, as torch.optim.SGD"),
  ...optimizerCommon({ learningRate: 0.01, weightDecay: 3e-5, decay: "L2 penalty, added to the gradient" }),
  momentum: z.number().min(0).lt(1).default(0.99).describe("share of the last step that is kept"),
  nesterov: z.boolean().default(true).describe("Nesterov's form of the momentum"),
});

const adamwSchema = z.strictObject({
  type: z
    .literal("adamw")
    .describe(
      "Adam with decoupled weight decay, as torch.optim.AdamW. Where type is searched, a setting that has sgd's default gets adamw's",
    ),
  ...optimizerCommon({ learningRate: 1e-3, weightDecay: 0.01, decay: "decoupled: every step takes this × rate off each parameter" }),
  beta1: z.number().min(0).lt(1).default(0.9).describe("share of the mean of the gradients that is kept at a step"),
  beta2: z.number().min(0).lt(1).default(0.999).describe("share of the mean of their squares that is kept at a step"),
  epsilon: z.number().positive().max(1).default(1e-8).describe("added to the root of the mean square"),
});

/** Settings of one type are refused for the other. */
export const optimizerSchema = z.discriminatedUnion("type", [sgdSchema, adamwSchema]);
export type OptimizerConfig = z.infer<typeof optimizerSchema>;

export const lossSchema = z.strictObject({
  classWeight: z.number().min(0).max(1000).default(0.5).describe("weight of the class head's cross-entropy"),
  segmentationWeight: z.number().min(0).max(1000).default(1).describe("weight of the decoder's cross-entropy plus Dice loss"),
  deepSupervision: z.boolean().default(true).describe("a segmentation loss after every decoder level, halved per level down"),
  classWeights: z
    .union([z.enum(["none", "balanced"]), z.array(z.number().min(0).max(1e6)).min(2).max(1000)])
    .default("none")
    .describe(
      "how much each label counts in that cross-entropy, Σ w·a·CE / Σ w·a with a the image's weight: all alike; balanced: n/(K·n_label) over the fold's training part; or one number a label, in the dataset's order",
    ),
});
export type LossConfig = z.infer<typeof lossSchema>;

export const trainSchema = z.strictObject({
  seed: z.int().min(0).max(0xffffffff).default(1).describe("a run's draws follow from it and the fold: equal for every trial"),
  epochs: z.int().min(1).max(100_000).default(20).describe("passes over the training part of the fold"),
  batchSize: z.int().min(2).max(4096).default(8).describe("images a step; at least 2, because batch normalisation needs it"),
  optimizer: optimizerSchema.prefault({}),
  loss: lossSchema.prefault({}),
  sampling: z
    .enum(["shuffle", "balanced"])
    .default("shuffle")
    .describe(
      "shuffle: every image once an epoch. balanced: as many steps, in which the labels come equally often (no label counts as one): images of rare ones repeat, of common ones wait for a later epoch; an image's weight stays a factor of its loss and changes no draw",
    ),
  augment: augmentationSchema,
  precision: z
    .enum(["float32", "bfloat16", "float16"])
    .default("float32")
    .describe(
      "what convolutions, normalisation and activations are computed in; weights, losses and the optimizer stay float32. bfloat16: for GPUs, and for processors with avx512_bf16 or AMX, where it saves a quarter of the memory at the speed of float32. float16: for GPUs, with a loss scale that adapts itself. Both are several times slower elsewhere, which the log then says; the WASM engine refuses them",
    ),
});
export type TrainConfig = z.infer<typeof trainSchema>;

const scalar = z.union([z.number(), z.string(), z.boolean()]);
export type ParameterValue = z.infer<typeof scalar>;
export type Parameters = Record<string, ParameterValue>;
/** What a setting can hold: a parameter draws scalars only, a file may give a list. */
export type SettingValue = ParameterValue | readonly number[];
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
  inputThreads: z
    .int()
    .min(0)
    .max(16)
    .default(1)
    .describe(
      "threads a run that augment and normalise images beside the training; 0 = the training thread does it. The numbers are the same",
    ),
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
