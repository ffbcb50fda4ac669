// In which order, and in which batches, an epoch meets its images.
import { SaphenaError } from "@saphena/contracts";
import { shuffle } from "../random.ts";

/** Keeps the draws of the order apart from those of the augmentation under the same seed. */
const ORDER_STREAM = 1;

/** The shuffled order of one epoch: a function of its arguments alone, so a resumed run needs no generator state. */
export function epochOrder(seed: number, epoch: number, indices: Int32Array): Int32Array {
  return shuffle(Int32Array.from(indices), ORDER_STREAM, seed, epoch);
}

/**
 * Batches of a training epoch (views of `order`). The last, smaller one is kept, unless it holds a single image: batch normalisation
 * of one image at the bottom of the network can meet a single value. Which image is left out so changes with every epoch's order.
 */
export function trainingSlices(order: Int32Array, batchSize: number): Int32Array[] {
  if (order.length < 2) throw new SaphenaError("SPLIT_IMPOSSIBLE", `the training part holds ${order.length} images and training needs 2`);
  return slices(order, batchSize).filter((slice) => slice.length > 1);
}

/** Batches of a validation pass: every image, in the given order. */
export function validationSlices(indices: Int32Array, batchSize: number): Int32Array[] {
  return slices(indices, batchSize);
}

function slices(order: Int32Array, batchSize: number): Int32Array[] {
  return Array.from({ length: Math.ceil(order.length / batchSize) }, (_, i) => order.subarray(i * batchSize, (i + 1) * batchSize));
}
