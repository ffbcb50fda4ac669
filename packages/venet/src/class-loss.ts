// The classification loss: cross-entropy of the grade, over the samples that have one.
import { multiply, oneHot, softmaxCrossEntropy, sum, type Engine, type Tensor } from "@saphena/tf";
import type { Batch } from "./batch.ts";

/** A loss and how it pulls at the logits it came from. The caller owns all tensors. */
export interface Loss {
  /** [] */
  value: Tensor;
  /** The gradient of factor·value with respect to each of the logits, as seeds of the reverse pass. */
  seeds: { output: Tensor; gradient: Tensor }[];
}

/**
 * Σ_i a_i·CE_i / Σ_i a_i with a_i = weight of sample i, or 0 where its label is missing; null when all a_i are 0.
 * logits [n, classes]; `factor` scales the gradient only.
 */
export function classLoss(engine: Engine, logits: Tensor, batch: Batch, factor: number): Loss | null {
  const [size, classes] = logits.shape as [number, number];
  const shares = Float32Array.from(batch.weights, (weight, sample) => (batch.labels[sample] === -1 ? 0 : weight));
  const total = shares.reduce((sumSoFar, share) => sumSoFar + share, 0);
  if (total === 0) return null;
  const ids = engine.tensor(
    batch.labels.map((label) => Math.max(label, 0)),
    [size],
  );
  const targets = oneHot(engine, ids, classes);
  const { losses, gradient } = softmaxCrossEntropy(engine, logits, targets);
  const value = sum(
    engine,
    multiply(
      engine,
      losses,
      engine.tensor(
        shares.map((share) => share / total),
        [size],
      ),
    ),
    [0],
  );
  const scale = engine.tensor(
    shares.map((share) => (factor * share) / total),
    [size, 1],
  );
  return { value, seeds: [{ output: logits, gradient: multiply(engine, gradient, scale) }] };
}
