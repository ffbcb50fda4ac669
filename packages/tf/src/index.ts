// The only importer of TensorFlow. Loads it on request and offers the fused kernels that training is built from:
//
//   const engine = await loadEngine({ threads: 1 });
//   const y = engine.tidy(() => leakyRelu(engine, engine.tensor(Float32Array.of(-1, 2), [2]), 0.01));
export { loadEngine, withoutOwnKernels, type Engine, type EngineMemory, type EngineOptions } from "./engine.ts";
export { preloadEngine } from "./preload.ts";
export type { EngineFingerprint } from "./fingerprint.ts";
export type { HalfType, OpAttribute, Tensor } from "./native.ts";
export { cast, converted, type ElementType, type HalfSupport } from "./element-type.ts";
export {
  add,
  addAll,
  broadcast,
  concatenateChannels,
  divide,
  halfSquareSum,
  matrixProduct,
  mean,
  multiply,
  oneHot,
  pack,
  reshape,
  slice,
  sliceChannels,
  subtract,
  sum,
} from "./arithmetic.ts";
export {
  biasAdd,
  biasGradient,
  convolution,
  convolutionInputGradient,
  convolutionKernelGradient,
  padTopLeft,
  type ConvolutionOptions,
} from "./convolution.ts";
export { softmax, softmaxCrossEntropy } from "./cross-entropy.ts";
export {
  batchNormGradient,
  batchNormInference,
  batchNormTraining,
  type BatchNormForward,
  type BatchNormOptions,
} from "./fused-batch-norm.ts";
export {
  normActivation,
  normActivationGradient,
  type NormActivation,
  type NormActivationOptions,
  type NormParameters,
} from "./norm-activation.ts";
export { joinBiased, joinBiasedGradient } from "./join.ts";
export { leakyRelu, leakyReluGradient } from "./leaky-relu.ts";
export { applyAdam, applyGradientDescent, applyMomentum, createVariable, type ResourceVariable } from "./resource-variable.ts";
export { segmentationLossKernel, type SegmentationLossOptions } from "./segmentation-loss.ts";
export { applySgd, type SgdEntry, type SgdOptions } from "./sgd.ts";
