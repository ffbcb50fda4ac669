// The segmentation loss: cross-entropy plus Dice at every supervised level, over the samples that have a mask.
//
// With a_i = weight of sample i, or 0 where its mask is missing; p = softmax of the logits, g = one-hot target, both over pixels x of level r:
//   CE_r   = Σ_i a_i · mean_x CE(p_ix, g_ix) / Σ_i a_i
//   Dice_r = 1 - mean over foreground classes c of (2·I_c + s) / (P_c + G_c + s),   s = 1e-5
//            I_c = Σ_i a_i Σ_x p_ixc·g_ixc,  P_c = Σ_i a_i Σ_x p_ixc,  G_c = Σ_i a_i Σ_x g_ixc
//   loss   = Σ_r w_r·(CE_r + Dice_r),  w_r = 2^-r / Σ_r 2^-r over all supervised levels, the final one (r = 0) included
// So Dice pools its sums over the whole batch, then averages over classes without the background (nnU-Net's batch Dice for 2-D, shifted
// by 1 to be positive). A foreground class that no mask of the batch holds gives nearly 1 and pushes its probabilities down.
// Targets of level r are every 2^r-th pixel of the mask (nearest).
import {
  add,
  addAll,
  divide,
  multiply,
  oneHot,
  reshape,
  segmentationLossKernel,
  softmaxCrossEntropy,
  subtract,
  sum,
  type Engine,
  type Tensor,
} from "@saphena/tf";
import type { Batch } from "./batch.ts";
import type { Loss } from "./class-loss.ts";

export const DICE_SMOOTH = 1e-5;

/** w_r for `count` levels: 2^-r, normalised to sum 1. */
export function levelWeights(count: number): number[] {
  const raw = Array.from({ length: count }, (_, level) => 2 ** -level);
  const total = raw.reduce((sumSoFar, weight) => sumSoFar + weight, 0);
  return raw.map((weight) => weight / total);
}

/** The loss over the given levels of mask logits [n, h/2^r, w/2^r, maskClasses]; null when no sample has a mask. `factor` scales the gradient only. */
export function segmentationLoss(engine: Engine, logits: readonly Tensor[], batch: Batch, factor: number): Loss | null {
  const shares = Float32Array.from(batch.weights, (weight, sample) => (batch.hasMask[sample] === 0 ? 0 : weight));
  const total = shares.reduce((sumSoFar, share) => sumSoFar + share, 0);
  if (total === 0) return null;
  const weights = levelWeights(logits.length);
  const levels = logits.map((output, level) => {
    const weight = weights[level] as number;
    const { value, gradient } = levelLoss(engine, output, targetsAt(batch, shares, level, output.shape), { shares, total, weight, factor });
    return { value, seed: { output, gradient } };
  });
  return {
    value: addAll(
      engine,
      levels.map(({ value }) => value),
    ),
    seeds: levels.map(({ seed }) => seed),
  };
}

interface LevelTargets {
  /** [n·h·w] class of every pixel of the level; 0 where the sample takes no part. */
  ids: Int32Array;
  /** G_c. */
  classMass: Float64Array;
}

/** Targets of one level, as every 2^level-th pixel of the masks. */
export function targetsAt(batch: Batch, shares: Float32Array, level: number, shape: readonly number[]): LevelTargets {
  const [size, height, width, classes] = shape as [number, number, number, number];
  const step = 2 ** level;
  const ids = new Int32Array(size * height * width);
  const classMass = new Float64Array(classes);
  let index = 0;
  for (let sample = 0; sample < size; sample++) {
    const share = shares[sample] as number;
    const start = sample * height * width * step * step;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++, index++) {
        if (share === 0) continue;
        const id = batch.masks[start + (row * width * step + column) * step] as number;
        ids[index] = id;
        classMass[id] = (classMass[id] as number) + share;
      }
    }
  }
  return { ids, classMass };
}

/** w_r·(CE_r + Dice_r) of one level, and the gradient of factor times that with respect to its logits. */
function levelLoss(
  engine: Engine,
  logits: Tensor,
  targets: LevelTargets,
  scales: { shares: Float32Array; total: number; weight: number; factor: number },
): { value: Tensor; gradient: Tensor } {
  const { shares, total, weight, factor } = scales;
  if (engine.ownKernels) return segmentationLossKernel(engine, logits, targets.ids, shares, scales);
  const [size, height, width, classes] = logits.shape as [number, number, number, number];
  const pixels = height * width;
  const cube = [size, pixels, classes] as const;
  const flat = reshape(engine, logits, [size * pixels, classes]);
  const oneHotTargets = oneHot(engine, engine.tensor(targets.ids, [size * pixels]), classes);
  const { losses, gradient } = softmaxCrossEntropy(engine, flat, oneHotTargets);
  const g = reshape(engine, oneHotTargets, cube);
  const softmaxMinusTarget = reshape(engine, gradient, cube);
  const p = add(engine, softmaxMinusTarget, g);

  const crossEntropyShares = shares.map((share) => (weight * share) / (total * pixels));
  const crossEntropy = sum(
    engine,
    multiply(engine, reshape(engine, losses, [size, pixels]), engine.tensor(crossEntropyShares, [size, 1])),
    [0, 1],
  );
  const crossEntropyGradient = multiply(
    engine,
    softmaxMinusTarget,
    engine.tensor(
      crossEntropyShares.map((share) => factor * share),
      [size, 1, 1],
    ),
  );

  const dice = diceLoss(engine, p, g, targets.classMass, shares, weight, factor);
  return {
    value: add(engine, crossEntropy, dice.value),
    gradient: reshape(engine, add(engine, crossEntropyGradient, dice.gradient), logits.shape),
  };
}

/** w_r·Dice_r for probabilities p and targets g [n, pixels, classes], and the gradient of factor times that with respect to the logits under p. */
function diceLoss(
  engine: Engine,
  p: Tensor,
  g: Tensor,
  classMass: Float64Array,
  shares: Float32Array,
  weight: number,
  factor: number,
): { value: Tensor; gradient: Tensor } {
  const classes = classMass.length;
  const perClass = (value: (mass: number) => number): Tensor => engine.tensor(Float32Array.from(classMass, value), [classes]);
  const foreground = (value: number): Tensor =>
    engine.tensor(
      Float32Array.from(classMass, (_, index) => (index === 0 ? 0 : value / (classes - 1))),
      [classes],
    );

  const weighted = multiply(engine, p, engine.tensor(shares, [shares.length, 1, 1])); // a_i·p
  const overlap = sum(engine, multiply(engine, weighted, g), [0, 1]); // I_c
  const denominator = add(
    engine,
    sum(engine, weighted, [0, 1]),
    perClass((mass) => mass + DICE_SMOOTH),
  ); // D_c
  const numerator = add(engine, add(engine, overlap, overlap), engine.scalar(DICE_SMOOTH));
  const dice = divide(engine, numerator, denominator);
  const value = subtract(engine, engine.scalar(weight), sum(engine, multiply(engine, dice, foreground(weight)), [0]));

  // ∂(-dice_c)/∂p_ixc = a_i·(dice_c - 2·g_ixc) / D_c; then through the softmax: ∂z = p ⊙ (∂p - Σ_c ∂p·p).
  const scaled = divide(engine, foreground(weight * factor), denominator);
  const slope = subtract(engine, multiply(engine, dice, scaled), multiply(engine, g, add(engine, scaled, scaled)));
  const projected = sum(engine, multiply(engine, slope, p), [2], true);
  return { value, gradient: multiply(engine, weighted, subtract(engine, slope, projected)) };
}
