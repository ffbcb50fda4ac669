// The classification loss: cross-entropy of the grade, over the samples that have one.
import { SaphenaError } from "@saphena/contracts";
import { multiply, oneHot, softmaxCrossEntropy, sum, type Engine, type Tensor } from "@saphena/tf";
import type { Batch } from "./batch.ts";

/** A loss and how it pulls at the logits it came from. The caller owns all tensors. */
export interface Loss {
  /** [] */
  value: Tensor;
  /** The gradient of factor·value with respect to each of the logits, as seeds of the reverse pass. */
  seeds: { output: Tensor; gradient: Tensor }[];
}

export interface ClassLossOptions {
  /** Scales the gradient only. */
  factor: number;
  /** w_k, one a class; absent = all 1. */
  classWeights?: readonly number[] | undefined;
}

/**
 * Σ_i w_k(i)·a_i·CE_i / Σ_i w_k(i)·a_i with a_i = weight of sample i, or 0 where its label is missing, and w_k(i) = weight of its class;
 * null when all of these are 0. (With a_i = 1 this is PyTorch's CrossEntropyLoss(weight=w).) logits [n, classes].
 */
export function classLoss(engine: Engine, logits: Tensor, batch: Batch, { factor, classWeights }: ClassLossOptions): Loss | null {
  const [size, classes] = logits.shape as [number, number];
  if (classWeights !== undefined && classWeights.length !== classes)
    throw new SaphenaError("INTERNAL", `${classWeights.length} class weights were given for ${classes} classes`);
  const shares = Float32Array.from(batch.weights, (weight, sample) => {
    const label = batch.labels[sample] as number;
    return label === -1 ? 0 : weight * (classWeights?.[label] ?? 1);
  });
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
