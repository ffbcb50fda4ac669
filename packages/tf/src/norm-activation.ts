// Batch normalisation followed by LeakyReLU as one step of a network, and the gradient of both: one kernel each where the engine has
// Saphena's own, else TensorFlow's two.
import { floatAttribute } from "./attributes.ts";
import { suitsOwnKernels } from "./element-type.ts";
import type { Engine } from "./engine.ts";
import { batchNormGradient, batchNormTraining, type BatchNormOptions } from "./fused-batch-norm.ts";
import { leakyRelu, leakyReluGradient } from "./leaky-relu.ts";
import type { Tensor } from "./native.ts";

export interface NormActivationOptions extends BatchNormOptions {
  /** Of the LeakyReLU below 0; above 0. */
  slope: number;
}

export interface NormActivation {
  /** [n,h,w,c] */
  output: Tensor;
  /** [c], the averages after this batch. */
  runningMean: Tensor;
  runningVariance: Tensor;
  /** What the gradient needs beside x and output. Dispose all. */
  reserved: readonly Tensor[];
}

/** Scale, offset and running averages of a normalisation, [c] each. */
export interface NormParameters {
  scale: Tensor;
  offset: Tensor;
  mean: Tensor;
  variance: Tensor;
}

/** Normalises x [n,h,w,c] by its own statistics, moves the running averages and applies the LeakyReLU. */
export function normActivation(engine: Engine, x: Tensor, parameters: NormParameters, options: NormActivationOptions): NormActivation {
  const { scale, offset, mean, variance } = parameters;
  if (suitsOwnKernels(engine, x)) {
    const attributes = [
      floatAttribute("epsilon", options.epsilon),
      floatAttribute("momentum", options.momentum),
      floatAttribute("slope", options.slope),
    ];
    const results = engine.execute("SaphenaNormActivation", attributes, [x, scale, offset, mean, variance], 5);
    const [output, runningMean, runningVariance, ...reserved] = results as [Tensor, Tensor, Tensor, Tensor, Tensor];
    return { output, runningMean, runningVariance, reserved };
  }
  const normalised = batchNormTraining(engine, x, scale, offset, mean, variance, options);
  const output = leakyRelu(engine, normalised.output, options.slope);
  normalised.output.dispose(); // the sign of the LeakyReLU's output tells its gradient all it needs
  return { output, runningMean: normalised.runningMean, runningVariance: normalised.runningVariance, reserved: normalised.reserved };
}

/** Gradients of `normActivation` with respect to x, scale and offset, from that of its output. */
export function normActivationGradient(
  engine: Engine,
  gradient: Tensor,
  x: Tensor,
  parameters: Pick<NormParameters, "scale" | "offset">,
  forward: Pick<NormActivation, "output" | "reserved">,
  options: NormActivationOptions,
): { x: Tensor; scale: Tensor; offset: Tensor } {
  const { scale, offset } = parameters;
  if (suitsOwnKernels(engine, x)) {
    const inputs = [gradient, x, scale, offset, ...forward.reserved];
    const results = engine.execute("SaphenaNormActivationGradient", [floatAttribute("slope", options.slope)], inputs, 3);
    const [dx, dScale, dOffset] = results as [Tensor, Tensor, Tensor];
    return { x: dx, scale: dScale, offset: dOffset };
  }
  const beforeActivation = leakyReluGradient(engine, gradient, forward.output, options.slope);
  const [first, second, third] = forward.reserved as [Tensor, Tensor, Tensor];
  const result = batchNormGradient(engine, beforeActivation, x, scale, [first, second, third], options.epsilon);
  beforeActivation.dispose();
  return result;
}
