// Batches: images normalised and mirrored, masks mirrored in step, written into arrays that the caller keeps and uses again.
import { hashOf } from "../random.ts";
import type { Pack } from "../pack.ts";
import type { ChannelStatistics } from "./statistics.ts";

/** What a network is fed. `n` is `size`, `h` and `w` the pack's input size. */
export interface Batch {
  size: number;
  /** Normalised RGB, [n, h, w, 3]. */
  images: Float32Array;
  /** Index of the label, -1 = missing, [n]. */
  labels: Int32Array;
  /** Class per pixel, [n, h, w]; all 0 where there is no mask. */
  masks: Uint8Array;
  /** 1 where there is a mask, [n]. */
  hasMask: Uint8Array;
  /** [n] */
  weights: Float32Array;
}

export interface FillOptions {
  seed: number;
  epoch: number;
  /** `default` mirrors each image left-right and top-bottom with probability 1/2 each. */
  augment: "default" | "none";
  statistics: ChannelStatistics;
}

export interface Mirror {
  readonly horizontal: boolean;
  readonly vertical: boolean;
}

const MIRROR_STREAM = 2;

/** How the image at `index` is mirrored in an epoch: the same whatever the batch size and the order. */
export function mirrorOf(seed: number, epoch: number, index: number): Mirror {
  const bits = hashOf(MIRROR_STREAM, seed, epoch, index);
  return { horizontal: (bits & 1) !== 0, vertical: (bits & 2) !== 0 };
}

export function allocateBatch({ inputSize }: Pick<Pack, "inputSize">, size: number): Batch {
  const pixels = size * inputSize ** 2;
  return {
    size,
    images: new Float32Array(pixels * 3),
    labels: new Int32Array(size),
    masks: new Uint8Array(pixels),
    hasMask: new Uint8Array(size),
    weights: new Float32Array(size),
  };
}

/** Fills `target` (allocated for exactly `indices.length` images) with the images at `indices` of the pack, and returns it. */
export function fillBatch(pack: Pack, indices: Int32Array, options: FillOptions, target: Batch): Batch {
  if (target.size !== indices.length) throw new RangeError(`a batch of ${target.size} cannot hold ${indices.length} images`);
  const normalised = normalisation(options.statistics);
  indices.forEach((index, place) => {
    const mirror = options.augment === "none" ? NO_MIRROR : mirrorOf(options.seed, options.epoch, index);
    writeImage(pack, index, mirror, normalised, target.images, place);
    writeMask(pack, index, mirror, target.masks, place);
    target.labels[place] = pack.labels[index]!;
    target.hasMask[place] = pack.hasMask[index]!;
    target.weights[place] = pack.weights[index]!;
  });
  return target;
}

const NO_MIRROR: Mirror = { horizontal: false, vertical: false };

/** The normalised value of every byte, per channel: a table of 256 is cheaper than a subtraction and a division a pixel. */
function normalisation({ mean, sd }: ChannelStatistics): Float32Array {
  const table = new Float32Array(3 * 256);
  for (let channel = 0; channel < 3; channel++) {
    for (let value = 0; value < 256; value++) table[channel * 256 + value] = (value - mean[channel]!) / sd[channel]!;
  }
  return table;
}

function writeImage(pack: Pack, index: number, mirror: Mirror, table: Float32Array, target: Float32Array, place: number): void {
  const { images, inputSize: side } = pack;
  const step = mirror.horizontal ? -3 : 3;
  let to = place * side * side * 3;
  for (let y = 0; y < side; y++) {
    const row = (index * side + (mirror.vertical ? side - 1 - y : y)) * side * 3;
    let from = mirror.horizontal ? row + (side - 1) * 3 : row;
    for (let x = 0; x < side; x++) {
      target[to] = table[images[from]!]!;
      target[to + 1] = table[256 + images[from + 1]!]!;
      target[to + 2] = table[512 + images[from + 2]!]!;
      from += step;
      to += 3;
    }
  }
}

function writeMask(pack: Pack, index: number, mirror: Mirror, target: Uint8Array, place: number): void {
  const side = pack.inputSize;
  const start = place * side * side;
  if (pack.hasMask[index] === 0) {
    target.fill(0, start, start + side * side);
    return;
  }
  for (let y = 0; y < side; y++) {
    const from = (index * side + (mirror.vertical ? side - 1 - y : y)) * side;
    const to = start + y * side;
    target.set(pack.masks.subarray(from, from + side), to);
    if (mirror.horizontal) target.subarray(to, to + side).reverse();
  }
}
