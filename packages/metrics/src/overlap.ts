// How a predicted mask overlaps the true one, as counts of pixels: what is stored of every image, and what Dice is computed from.
import { meanOf, ratio } from "./metric.ts";

/** Pixels of one mask class: in both masks, only in the prediction, only in the truth. */
export interface OverlapCounts {
  truePositives: number;
  falsePositives: number;
  falseNegatives: number;
}

/** Counts of each foreground class 1…maskClasses-1, in that order. Masks hold one class a pixel; both have the same length. */
export function countOverlap(truth: Uint8Array, predicted: Uint8Array, maskClasses: number): OverlapCounts[] {
  if (truth.length !== predicted.length) throw new RangeError(`masks of ${truth.length} and ${predicted.length} pixels do not compare`);
  const both = new Float64Array(maskClasses);
  const inTruth = new Float64Array(maskClasses);
  const inPrediction = new Float64Array(maskClasses);
  for (let pixel = 0; pixel < truth.length; pixel++) {
    const t = truth[pixel]!;
    const p = predicted[pixel]!;
    if (t >= maskClasses || p >= maskClasses) throw new RangeError(`mask class ${Math.max(t, p)} is outside 0…${maskClasses - 1}`);
    inTruth[t]!++;
    inPrediction[p]!++;
    if (t === p) both[t]!++;
  }
  return Array.from({ length: maskClasses - 1 }, (_, index) => {
    const truePositives = both[index + 1]!;
    return {
      truePositives,
      falsePositives: inPrediction[index + 1]! - truePositives,
      falseNegatives: inTruth[index + 1]! - truePositives,
    };
  });
}

/** 2·TP / (2·TP + FP + FN); null when the class is in neither mask. */
export function dice({ truePositives, falsePositives, falseNegatives }: OverlapCounts): number | null {
  return ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives);
}

/** TP / (TP + FP + FN); null when the class is in neither mask. */
export function jaccard({ truePositives, falsePositives, falseNegatives }: OverlapCounts): number | null {
  return ratio(truePositives, truePositives + falsePositives + falseNegatives);
}

/**
 * One image's figure: the mean over the foreground classes that are in either mask; null when none is.
 * A class in one mask only counts 0. This is the empty-mask policy `nan-skip` (nnU-Net's), the one all scores here use.
 */
export function overImage(counts: readonly OverlapCounts[], figure: (counts: OverlapCounts) => number | null): number | null {
  return meanOf(counts.map(figure));
}

/** True when no foreground class is in the true mask. */
export function isEmptyTruth(counts: readonly OverlapCounts[]): boolean {
  return counts.every(({ truePositives, falseNegatives }) => truePositives + falseNegatives === 0);
}
