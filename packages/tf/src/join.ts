// Bias and concatenation of channels as one step of a network, and its gradients: one kernel each where the engine has Saphena's own.
import { concatenateChannels, sliceChannels } from "./arithmetic.ts";
import { biasAdd, biasGradient } from "./convolution.ts";
import { suitsOwnKernels } from "./element-type.ts";
import type { Engine } from "./engine.ts";
import type { Tensor } from "./native.ts";

/** (x + bias) and skip joined along the channels: [n,h,w,c], [c] and [n,h,w,s] → [n,h,w,c+s]. */
export function joinBiased(engine: Engine, x: Tensor, bias: Tensor, skip: Tensor): Tensor {
  if (suitsOwnKernels(engine, x)) return engine.run("SaphenaJoinBiased", [], x, bias, skip);
  const biased = biasAdd(engine, x, bias);
  const joined = concatenateChannels(engine, biased, skip);
  biased.dispose();
  return joined;
}

/** Gradients of `joinBiased` with respect to x, bias and skip, from that of its result. */
export function joinBiasedGradient(engine: Engine, gradient: Tensor, bias: Tensor): { x: Tensor; bias: Tensor; skip: Tensor } {
  if (suitsOwnKernels(engine, gradient)) {
    const [x, ofBias, skip] = engine.execute("SaphenaJoinBiasedGradient", [], [gradient, bias], 3) as [Tensor, Tensor, Tensor];
    return { x, bias: ofBias, skip };
  }
  const own = bias.shape[0] as number;
  const x = sliceChannels(engine, gradient, 0, own);
  return { x, bias: biasGradient(engine, x), skip: sliceChannels(engine, gradient, own, (gradient.shape[3] as number) - own) };
}
