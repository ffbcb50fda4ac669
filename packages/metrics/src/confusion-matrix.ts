// The confusion matrix: all classification figures are derived from these counts, so folds merge by adding them.
import { classificationScores } from "./classification.ts";
import type { ClassificationScores } from "./classification.ts";
import type { Metric } from "./metric.ts";

export interface ConfusionMatrix extends Metric<{ truth: number; predicted: number }, ClassificationScores> {
  readonly classes: number;
  /** Rows are the truth, columns the prediction; [classes][classes]. A copy. */
  counts(): number[][];
}

/** An empty matrix for labels 0…classes-1. Throws RangeError for a label outside, or when merged with another size. */
export function createConfusionMatrix(classes: number): ConfusionMatrix {
  const cells = new Float64Array(classes * classes);
  const check = (label: number): number => {
    if (!Number.isInteger(label) || label < 0 || label >= classes) throw new RangeError(`label ${label} is outside 0…${classes - 1}`);
    return label;
  };
  const counts = (): number[][] => Array.from({ length: classes }, (_, row) => [...cells.subarray(row * classes, (row + 1) * classes)]);
  return {
    classes,
    counts,
    reset: () => void cells.fill(0),
    update: ({ truth, predicted }) => void cells[check(truth) * classes + check(predicted)]!++,
    merge: (other) => {
      if (other.classes !== classes) throw new RangeError(`a matrix of ${other.classes} classes cannot be added to one of ${classes}`);
      other
        .counts()
        .flat()
        .forEach((count, cell) => void (cells[cell]! += count));
    },
    compute: () => classificationScores(counts()),
  };
}
