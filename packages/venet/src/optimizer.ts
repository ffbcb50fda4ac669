// The optimizers, in PyTorch's definitions: SGD with momentum and AdamW, both with clipping by the global norm.
import {
  applyAdam,
  applyGradientDescent,
  applySgd,
  halfSquareSum,
  multiply,
  pack,
  type Engine,
  type ResourceVariable,
  type Tensor,
} from "@saphena/tf";
import type { AdamWConfig, ClipNorm, OptimizerConfig, SgdConfig } from "./config.ts";
import type { NetworkState } from "./state.ts";

/** PyTorch's guard against a norm of 0, in clip_grad_norm_. */
const NORM_GUARD = 1e-6;

/** Of one step: both maps by parameter name. They are emptied of their tensors as the step goes on. */
interface Step {
  gradients: Map<string, Tensor>;
  weights: Map<string, Tensor>;
  learningRate: number;
}

/**
 * One step of the configured optimizer; disposes the gradients and the weights. A parameter without a gradient (its head met no
 * label or mask in this batch) stays as it is: no decay, no momentum, and for Adam no step counted. With a `lossScale` the gradients
 * are those of lossScale·loss: it is divided out, and where one of them is not finite nothing is done and false returned.
 */
export function applyOptimizer(
  engine: Engine,
  state: NetworkState,
  gradients: Map<string, Tensor>,
  weights: Map<string, Tensor>,
  config: OptimizerConfig,
  learningRate: number,
  lossScale: number | null = null,
): boolean {
  if (!settleGradients(engine, gradients, config.clipNorm, lossScale)) return false;
  const step = { gradients, weights, learningRate };
  switch (config.type) {
    case "sgd":
      applySgdStep(engine, state, step, config);
      return true;
    case "adamw":
      applyAdamW(engine, state, step, config);
      return true;
  }
}

/**
 * Divides the loss scale out, and multiplies every gradient by min(1, clipNorm / (norm + 1e-6)), norm = √Σ g² over all of them
 * (torch.nn.utils.clip_grad_norm_); false when there is a loss scale and they are not finite. The norm is read by the host: gradients
 * that are short enough, nearly all of them in a healthy run, then cost no multiplication without a scale, and one with it.
 */
function settleGradients(
  engine: Engine,
  gradients: Map<string, Tensor>,
  clipNorm: ClipNorm | undefined,
  lossScale: number | null,
): boolean {
  const limit = typeof clipNorm === "number" ? clipNorm : null;
  if (gradients.size === 0 || (limit === null && lossScale === null)) return true;
  const scaledNorm = globalNorm(engine, gradients);
  if (lossScale !== null && !Number.isFinite(scaledNorm)) return false;
  const scale = lossScale ?? 1;
  const clipping = limit === null ? 1 : limit / (scaledNorm / scale + NORM_GUARD);
  const factor = (clipping < 1 ? clipping : 1) / scale; // without a scale a norm that is not a number changes nothing: the loss says so at the next step
  if (factor !== 1) multiplyAll(engine, gradients, factor);
  return true;
}

/** √Σ g² over all elements of all gradients, read by the host. */
function globalNorm(engine: Engine, gradients: ReadonlyMap<string, Tensor>): number {
  const halves = Array.from(gradients.values(), (gradient) => halfSquareSum(engine, gradient));
  const packed = pack(engine, halves);
  const norm = Math.sqrt(2 * engine.read(packed).reduce((total, half) => total + half, 0));
  for (const tensor of [...halves, packed]) tensor.dispose();
  return norm;
}

function multiplyAll(engine: Engine, gradients: Map<string, Tensor>, factor: number): void {
  const scalar = engine.scalar(factor);
  for (const [name, gradient] of gradients) {
    gradients.set(name, multiply(engine, gradient, scalar));
    gradient.dispose();
  }
  scalar.dispose();
}

function applySgdStep(engine: Engine, state: NetworkState, { gradients, weights, learningRate }: Step, config: SgdConfig): void {
  const { momentum, weightDecay, nesterov } = config;
  const entries = Array.from(gradients, ([name, gradient]) => ({
    parameter: state.parameter(name),
    momentum: state.slot(name, "momentum"),
    gradient,
    value: weights.get(name) ?? state.parameter(name).read(),
  }));
  applySgd(engine, entries, { learningRate, momentum, weightDecay, nesterov });
  for (const gradient of gradients.values()) gradient.dispose();
}

/**
 * p -= learningRate·weightDecay·p; m = beta1·m + (1-beta1)·g; v = beta2·v + (1-beta2)·g²; with t = the parameter's own count of steps,
 * p -= learningRate/(1-beta1^t) · m / (√(v/(1-beta2^t)) + epsilon)   (Loshchilov and Hutter 2019; torch.optim.AdamW).
 */
function applyAdamW(engine: Engine, state: NetworkState, { gradients, weights, learningRate }: Step, config: AdamWConfig): void {
  const shrink = engine.scalar(learningRate * config.weightDecay);
  const [beta1, beta2, zero] = [engine.scalar(config.beta1), engine.scalar(config.beta2), engine.scalar(0)];
  const corrected = new Map<number, { learningRate: Tensor; epsilon: Tensor }>(); // by t: parameters differ in it only by skipped steps
  for (const [name, gradient] of gradients) {
    const parameter = state.parameter(name);
    shrinkBy(engine, parameter, weights.get(name), config.weightDecay === 0 ? null : shrink);
    const steps = state.countStep(name);
    const scalars = corrected.get(steps) ?? correctedScalars(engine, config, learningRate, steps);
    corrected.set(steps, scalars);
    const moments = { first: state.slot(name, "firstMoment"), second: state.slot(name, "secondMoment") };
    applyAdam(engine, parameter, moments, { gradient, beta1, beta2, zero, ...scalars });
    gradient.dispose();
  }
  for (const { learningRate: rate, epsilon } of corrected.values()) for (const scalar of [rate, epsilon]) scalar.dispose();
  for (const scalar of [shrink, beta1, beta2, zero]) scalar.dispose();
}

/** Uses up the parameter's value: while it is held, TensorFlow copies the variable at every update. */
function shrinkBy(engine: Engine, parameter: ResourceVariable, held: Tensor | undefined, rate: Tensor | null): void {
  const value = rate === null ? held : (held ?? parameter.read());
  if (rate !== null && value !== undefined) applyGradientDescent(engine, parameter, rate, value);
  value?.dispose();
}

/**
 * Rate and epsilon with both bias corrections multiplied out, so that the kernel can work on √v:
 * rate·√c2/c1 and epsilon·√c2 with c = 1 - beta^t, of the betas as the kernel has them (float32).
 */
function correctedScalars(engine: Engine, { beta1, beta2, epsilon }: AdamWConfig, learningRate: number, steps: number) {
  const [first, second] = [beta1, beta2].map((beta) => 1 - Math.fround(beta) ** steps) as [number, number];
  return {
    learningRate: engine.scalar((learningRate * Math.sqrt(second)) / first),
    epsilon: engine.scalar(epsilon * Math.sqrt(second)),
  };
}
