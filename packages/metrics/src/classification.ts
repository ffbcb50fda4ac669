// Classification figures from a confusion matrix. Definitions are scikit-learn's; 0/0 is named instead of silently becoming 0.
import { meanOf, ratio } from "./metric.ts";
import { gradeError, quadraticWeightedKappa } from "./ordinal.ts";

/** Precision, recall and F1; null where they are 0/0. */
export interface PrecisionRecall {
  precision: number | null;
  recall: number | null;
  f1: number | null;
}

export interface ClassificationScores {
  /** Samples counted. */
  samples: number;
  accuracy: number | null;
  /** Mean recall over the classes that occur in the truth. */
  balancedAccuracy: number | null;
  /** In label order; support is the number of true samples. */
  perClass: (PrecisionRecall & { support: number })[];
  /** Plain mean over classes; a class whose figure is 0/0 is left out (scikit-learn: zero_division=nan). */
  macro: PrecisionRecall;
  /** Mean weighted by support, with the same rule. */
  weighted: PrecisionRecall;
  /** How many classes each macro figure left out. */
  undefinedClasses: { precision: number; recall: number; f1: number };
  /** Quadratic weighted kappa; null when truth and prediction are the same single class. */
  kappa: number | null;
  /** Mean absolute error in grades. */
  gradeError: number | null;
}

/** All figures of a square matrix of counts whose rows are the truth. */
export function classificationScores(counts: readonly (readonly number[])[]): ClassificationScores {
  const rowSums = counts.map(sum);
  const columnSums = counts.map((_, column) => sum(counts.map((row) => row[column]!)));
  const hits = counts.map((row, label) => row[label]!);
  const samples = sum(rowSums);
  const perClass = hits.map((hit, label) => {
    const support = rowSums[label]!;
    const predicted = columnSums[label]!;
    return { precision: ratio(hit, predicted), recall: ratio(hit, support), f1: ratio(2 * hit, support + predicted), support };
  });
  return {
    samples,
    accuracy: ratio(sum(hits), samples),
    balancedAccuracy: meanOf(perClass.map(({ recall }) => recall)),
    perClass,
    macro: eachFigure((figure) => meanOf(perClass.map((scores) => scores[figure]))),
    weighted: eachFigure((figure) => weightedMean(perClass.map((scores) => ({ value: scores[figure], weight: scores.support })))),
    undefinedClasses: eachFigure((figure) => perClass.filter((scores) => scores[figure] === null).length),
    kappa: quadraticWeightedKappa(counts),
    gradeError: gradeError(counts),
  };
}

function eachFigure<T>(compute: (figure: keyof PrecisionRecall) => T): Record<keyof PrecisionRecall, T> {
  return { precision: compute("precision"), recall: compute("recall"), f1: compute("f1") };
}

function weightedMean(items: readonly { value: number | null; weight: number }[]): number | null {
  const there = items.filter(({ value }) => value !== null);
  return ratio(sum(there.map(({ value, weight }) => value! * weight)), sum(there.map(({ weight }) => weight)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
