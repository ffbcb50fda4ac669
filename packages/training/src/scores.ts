// From predictions to the numbers that are reported: an epoch's points and a run's metrics. Nothing here depends on time.
import type { EpochPoints, RunMetrics } from "@saphena/contracts";
import { createConfusionMatrix, createSegmentationScore } from "@saphena/metrics";
import type { ClassificationScores, SegmentationScores } from "@saphena/metrics";
import type { MeanLosses } from "./position.ts";
import type { PredictionRow } from "./validate.ts";

export interface ValidationScores {
  validationImages: number;
  classification: ClassificationScores;
  segmentation: SegmentationScores;
  /** (accuracy + dice) / 2; null unless both are there. */
  score: number | null;
}

/** `classes` and `maskClasses` (with the background) are those of the network's heads; rows without truth take no part. */
export function scoreRows(
  rows: readonly PredictionRow[],
  { classes, maskClasses }: { classes: number; maskClasses: number },
): ValidationScores {
  const matrix = createConfusionMatrix(classes);
  const masks = createSegmentationScore(Math.max(1, maskClasses));
  for (const { truth, predicted, overlap } of rows) {
    if (truth !== null && predicted !== null) matrix.update({ truth, predicted });
    if (overlap !== null) masks.update(overlap);
  }
  const classification = matrix.compute();
  const segmentation = masks.compute();
  const { accuracy } = classification;
  const { dice } = segmentation;
  return {
    validationImages: rows.length,
    classification,
    segmentation,
    score: accuracy === null || dice === null ? null : (accuracy + dice) / 2,
  };
}

/** What goes into result.json, all of the final epoch's weights. The same names for every run; null where there is no data. */
export function runMetrics({ validationImages, classification, segmentation, score }: ValidationScores): RunMetrics {
  return {
    accuracy: classification.accuracy,
    dice: segmentation.dice,
    score,
    balancedAccuracy: classification.balancedAccuracy,
    macroF1: classification.macro.f1,
    macroPrecision: classification.macro.precision,
    macroRecall: classification.macro.recall,
    kappa: classification.kappa,
    gradeError: classification.gradeError,
    jaccard: segmentation.jaccard,
    pooledDice: segmentation.pooledDice,
    validationImages,
    imagesWithLabel: classification.samples,
    imagesWithMask: segmentation.images,
    diceSkipped: segmentation.skipped,
    falseAlarms: segmentation.falseAlarms,
  };
}

/** One epoch's points: what is null is left out. */
export function epochPoints(
  epoch: number,
  parts: { losses: MeanLosses; scores: ValidationScores; learningRate: number; imagesPerSecond: number | null },
): EpochPoints {
  const { losses, scores, learningRate, imagesPerSecond } = parts;
  const values = {
    lossTotal: losses.total,
    lossClassification: losses.classification,
    lossSegmentation: losses.segmentation,
    accuracy: scores.classification.accuracy,
    dice: scores.segmentation.dice,
    score: scores.score,
    learningRate,
    imagesPerSecond,
  };
  return { epoch, values: Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null)) };
}
