// Cross-entropy plus Dice of one level of mask logits in one kernel of Saphena's own; packages/venet has the formulas, and composes them
// of elementary operations where the engine has no such kernel.
import type { Engine } from "./engine.ts";
import type { Tensor } from "./native.ts";

export interface SegmentationLossOptions {
  /** Sum of the samples' shares. */
  total: number;
  /** Of this level, in the loss and in the gradient. */
  weight: number;
  /** Of the gradient alone. */
  factor: number;
}

/** Loss [] and its gradient [n,h,w,classes]; targets [n·h·w] are classes, shares [n] the weights of the samples. Needs `ownKernels`. */
export function segmentationLossKernel(
  engine: Engine,
  logits: Tensor,
  targets: Int32Array,
  shares: Float32Array,
  { total, weight, factor }: SegmentationLossOptions,
): { value: Tensor; gradient: Tensor } {
  const inputs = [
    engine.tensor(targets, [targets.length]),
    engine.tensor(shares, [shares.length]),
    engine.tensor(Float32Array.of(total, weight, factor), [3]),
  ];
  const [value, gradient] = engine.execute("SaphenaSegmentationLoss", [], [logits, ...inputs], 2) as [Tensor, Tensor];
  for (const tensor of inputs) tensor.dispose();
  return { value, gradient };
}
