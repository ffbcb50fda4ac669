// A batch as plain arrays, and its checks: what a kernel would silently turn into zeros is refused here.
import { SaphenaError } from "@saphena/contracts";
import { hasClassification, hasSegmentation, type NetworkConfig } from "./config.ts";

/** `size` samples. Leave the arrays unchanged while a step runs. */
export interface Batch {
  size: number;
  /** [n, inputSize, inputSize, channels], normalised. */
  images: Float32Array;
  /** [n] grade, or -1 where the label is missing: such a sample takes no part in the classification loss. */
  labels: Int32Array;
  /** [n, inputSize, inputSize] mask class, 0 = background; ignored where `hasMask` is 0. */
  masks: Uint8Array;
  /** [n] 1 where the sample has a mask, 0 where it takes no part in the segmentation loss. */
  hasMask: Uint8Array;
  /** [n] weight of the sample in both losses, 0 or more; 1 is usual. */
  weights: Float32Array;
}

/** Throws INTERNAL when the arrays do not fit the configuration: batches are made by code, never by a user. */
export function checkBatch(batch: Batch, config: NetworkConfig): void {
  const pixels = config.inputSize ** 2;
  const lengths = { images: pixels * config.channels, labels: 1, masks: pixels, hasMask: 1, weights: 1 } as const;
  if (!Number.isInteger(batch.size) || batch.size < 1) refuse(`a batch holds 1 or more samples, not ${batch.size}`);
  for (const [key, perSample] of Object.entries(lengths) as [keyof typeof lengths, number][]) {
    if (batch[key].length !== batch.size * perSample)
      refuse(`${key} of a batch of ${batch.size} must have ${batch.size * perSample} values, not ${batch[key].length}`);
  }
  batch.weights.forEach((weight, sample) => {
    if (!(weight >= 0 && Number.isFinite(weight))) refuse(`sample ${sample} has weight ${weight}`);
  });
  if (hasClassification(config)) checkLabels(batch.labels, config.classes);
  if (hasSegmentation(config)) checkMasks(batch, pixels, config.maskClasses);
}

function checkLabels(labels: Int32Array, classes: number): void {
  labels.forEach((label, sample) => {
    if (label < -1 || label >= classes) refuse(`sample ${sample} has label ${label}, outside 0 to ${classes - 1}`);
  });
}

function checkMasks(batch: Batch, pixels: number, maskClasses: number): void {
  for (let sample = 0; sample < batch.size; sample++) {
    if (batch.hasMask[sample] === 0) continue;
    for (let pixel = sample * pixels; pixel < (sample + 1) * pixels; pixel++) {
      if ((batch.masks[pixel] as number) >= maskClasses)
        refuse(`sample ${sample} has mask class ${batch.masks[pixel]}, outside 0 to ${maskClasses - 1}`);
    }
  }
}

function refuse(detail: string): never {
  throw new SaphenaError("INTERNAL", detail);
}
