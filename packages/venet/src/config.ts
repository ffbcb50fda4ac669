// What a network is made of and how it is trained, as data; and the limits within which a network can be built.
import { SaphenaError } from "@saphena/contracts";
import type { ElementType } from "@saphena/tf";

export interface NetworkConfig {
  heads: "both" | "classification" | "segmentation";
  /** Resolution levels of the encoder, 2 or more. Level r works at inputSize / 2^r. */
  depth: number;
  /** Feature maps of level 0; they double with every level up to `maxFilters`. */
  baseFilters: number;
  maxFilters: number;
  /** Side of the square input in pixels, divisible by 2^(depth-1). */
  inputSize: number;
  /** Colour channels of the input. */
  channels: number;
  /** Severity grades; used only with a classification head. */
  classes: number;
  /** Mask classes with the background, which is class 0; used only with a segmentation head. */
  maskClasses: number;
}

export interface LossConfig {
  /** Factor of the classification loss in the total. */
  classWeight: number;
  /** Factor of the segmentation loss in the total. */
  segmentationWeight: number;
  /** Whether every decoder level is compared with the mask, or the final one only. */
  deepSupervision: boolean;
  /** How much each grade counts in the classification loss, 0 or more; absent = all alike. */
  classWeights?: readonly number[];
}

export interface SgdConfig {
  type: "sgd";
  momentum: number;
  nesterov: boolean;
  /** Added to the gradient of every parameter (kernels, biases, batch-norm scales and offsets) as weightDecay·parameter. */
  weightDecay: number;
  clipNorm?: ClipNorm;
}

export interface AdamWConfig {
  type: "adamw";
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Takes learningRate·weightDecay·parameter off every parameter at each step, apart from the gradient. */
  weightDecay: number;
  clipNorm?: ClipNorm;
}

/** Longest gradient (L2 norm over all parameters together) before weight decay; a longer one is scaled down. Absent = "none". */
export type ClipNorm = number | "none";
export type OptimizerConfig = SgdConfig | AdamWConfig;

export interface TrainingConfig {
  loss: LossConfig;
  optimizer: OptimizerConfig;
  /**
   * What convolutions, normalisation and activations are computed in; absent = float32. Variables, statistics of the normalisation,
   * the class head behind its pooling, softmax, losses, gradients of parameters and the optimizer are float32 always.
   */
  precision?: ElementType;
}

/** Fixed parts of the architecture. */
export const LEAKY_SLOPE = 0.01;
export const BATCH_NORM = { epsilon: 1e-5, momentum: 0.1 } as const;
export const HIDDEN_UNITS = 64;
export const SEGMENTATION_BLOCKS = 3;

export const hasClassification = (config: NetworkConfig): boolean => config.heads !== "segmentation";
export const hasSegmentation = (config: NetworkConfig): boolean => config.heads !== "classification";

/** Feature maps of encoder and decoder blocks at a level; level `depth` is the block of the class head. */
export function filtersAt(config: NetworkConfig, level: number): number {
  return Math.min(config.baseFilters * 2 ** level, config.maxFilters);
}

/** Throws MODEL_CONFIG_INVALID with the first limit the configuration breaks. */
export function checkConfig(config: NetworkConfig): void {
  const refuse = (detail: string): never => {
    throw new SaphenaError("MODEL_CONFIG_INVALID", detail);
  };
  for (const key of ["depth", "baseFilters", "maxFilters", "inputSize", "channels"] as const) {
    if (!Number.isInteger(config[key]) || config[key] < 1) refuse(`${key} must be a whole number of 1 or more, not ${config[key]}`);
  }
  if (config.depth < 2) refuse(`depth must be 2 or more, not ${config.depth}`);
  if (config.inputSize % 2 ** (config.depth - 1) !== 0)
    refuse(`inputSize ${config.inputSize} is not divisible by 2^(depth-1) = ${2 ** (config.depth - 1)}`);
  if (hasClassification(config) && !(Number.isInteger(config.classes) && config.classes >= 2))
    refuse(`a classification head needs 2 or more classes, not ${config.classes}`);
  if (hasSegmentation(config) && !(Number.isInteger(config.maskClasses) && config.maskClasses >= 2))
    refuse(`a segmentation head needs 2 or more mask classes, not ${config.maskClasses}`);
}
