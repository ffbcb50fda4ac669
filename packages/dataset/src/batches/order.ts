// In which order, and in which batches, an epoch meets its images.
import { SaphenaError } from "@saphena/contracts";
import { shuffle } from "../random.ts";

/** Keep the draws of the order apart from those of the augmentation under the same seed. */
const ORDER_STREAM = 1;
const DECK_STREAM = 3;
const TURN_STREAM = 4;

/**
 * The order of one epoch: a function of its arguments alone, so a resumed run needs no generator state. Without `labels` every image
 * comes once. With them (by place in the pack, -1 = none) the epoch is as long, and its labels come equally often; see balancedOrder.
 */
export function epochOrder(seed: number, epoch: number, indices: Int32Array, labels: Int32Array | null = null): Int32Array {
  if (labels !== null) return balancedOrder(seed, epoch, indices, labels);
  return shuffle(Int32Array.from(indices), ORDER_STREAM, seed, epoch);
}

/**
 * The labels take turns, in rounds of one image each and in a new order every round, so they come equally often (to one image) within the
 * epoch and nearly so within every batch. Images without a label count as one label. A label deals its images from a shuffled deck and
 * shuffles again when it is through: images of one label also come equally often (to one), a rare label's again and again, a common
 * one's in part, another part every epoch.
 */
function balancedOrder(seed: number, epoch: number, indices: Int32Array, labels: Int32Array): Int32Array {
  const decks = [...new Set(indices.map((index) => labels[index]!))]
    .sort((a, b) => a - b)
    .map((label) =>
      deckOf(
        indices.filter((index) => labels[index] === label),
        [DECK_STREAM, seed, epoch, label + 1],
      ),
    );
  const order = new Int32Array(indices.length);
  for (let round = 0, at = 0; at < order.length; round++) {
    for (const deal of shuffle([...decks], TURN_STREAM, seed, epoch, round)) if (at < order.length) order[at++] = deal();
  }
  return order;
}

/** Gives one image after the other, in a new order every time it has given all. */
function deckOf(images: Int32Array, seedParts: readonly number[]): () => number {
  let given = 0;
  return () => {
    const place = given % images.length;
    if (place === 0) shuffle(images, ...seedParts, given / images.length);
    given++;
    return images[place]!;
  };
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
