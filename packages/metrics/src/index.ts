// Scores of a model, pure: counts in, figures out; null where there is no data.
//
//   const matrix = createConfusionMatrix(labels.length);
//   matrix.update({ truth: 2, predicted: 1 });
//   const { accuracy, kappa } = matrix.compute();
export type { Metric } from "./metric.ts";
export { createConfusionMatrix } from "./confusion-matrix.ts";
export type { ConfusionMatrix } from "./confusion-matrix.ts";
export { classificationScores } from "./classification.ts";
export type { ClassificationScores, PrecisionRecall } from "./classification.ts";
export { gradeError, quadraticWeightedKappa } from "./ordinal.ts";
export { countOverlap, dice, jaccard, overImage } from "./overlap.ts";
export type { OverlapCounts } from "./overlap.ts";
export { EMPTY_MASK_POLICY, createSegmentationScore } from "./segmentation.ts";
export type { SegmentationScore, SegmentationScores } from "./segmentation.ts";
