// Batches: images placed, normalised and augmented, masks placed in step, written into arrays that the caller keeps and uses again.
// This file and all it imports run without anything but typed arrays, so that a thread that fills batches starts at once.
import type { AugmentationSettings } from "@saphena/contracts";
import { applyIntensities } from "../augment/apply.ts";
import { augmentationOf } from "../augment/augmentation.ts";
import type { Augmentation, Mirror } from "../augment/augmentation.ts";
import { createScratch } from "../augment/scratch.ts";
import { placementOf, resampleImage, resampleMask } from "../augment/spatial.ts";
import type { Normalisation } from "../augment/spatial.ts";
import type { Pack, PackArrays } from "../pack.ts";
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

/** The part of a pack that batches are made of. */
export type BatchSource = PackArrays & Pick<Pack, "inputSize">;

export interface FillOptions {
  seed: number;
  augment: AugmentationSettings;
  statistics: ChannelStatistics;
}

export interface BatchRequest {
  /** Places in the pack. */
  readonly indices: Int32Array;
  /** Decides, with the seed, what happens to each image; null = the images as they are. */
  readonly epoch: number | null;
  /** How often each image has come before in the epoch; null = never, as without a sampling that repeats images. */
  readonly repeats: Int32Array | null;
}

/** Fills `target`, allocated for exactly `indices.length` images, and returns it. */
export type BatchFiller = (request: BatchRequest, target: Batch) => Batch;

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

/** What it gives is a function of its options and of the request alone. */
export function createBatchFiller(source: BatchSource, { seed, augment, statistics }: FillOptions): BatchFiller {
  const { inputSize: side } = source;
  const pixels = side * side;
  const scratch = createScratch(side);
  const table = normalisedBytes(statistics);
  const normalisation = normalisationOf(statistics);

  const place = (index: number, what: Augmentation | null, target: Batch, at: number): void => {
    const hasMask = source.hasMask[index] !== 0;
    if (!hasMask) target.masks.fill(0, at * pixels, (at + 1) * pixels);
    if (what === null || (what.rotationRadians === 0 && what.scale === 1)) {
      const mirror = what?.mirror ?? NO_MIRROR;
      copyImage(source, index, mirror, table, target.images, at);
      if (hasMask) copyMask(source, index, mirror, target.masks, at);
    } else {
      const placement = placementOf(what, side);
      resampleImage(source.images, index * pixels * 3, target.images, at * pixels * 3, side, placement, normalisation);
      if (hasMask) resampleMask(source.masks, index * pixels, target.masks, at * pixels, side, placement);
    }
    if (what !== null) applyIntensities(target.images, at * pixels * 3, side, what, scratch);
  };

  return ({ indices, epoch, repeats }, target) => {
    if (target.size !== indices.length) throw new RangeError(`a batch of ${target.size} cannot hold ${indices.length} images`);
    indices.forEach((index, at) => {
      place(index, epoch === null ? null : augmentationOf(augment, seed, epoch, index, repeats?.[at]), target, at);
      target.labels[at] = source.labels[index]!;
      target.hasMask[at] = source.hasMask[index]!;
      target.weights[at] = source.weights[index]!;
    });
    return target;
  };
}

const NO_MIRROR: Mirror = { horizontal: false, vertical: false };

/** The normalised value of every byte, per channel: a table of 256 is cheaper than a subtraction and a division a pixel. */
function normalisedBytes({ mean, sd }: ChannelStatistics): Float32Array {
  const table = new Float32Array(3 * 256);
  for (let channel = 0; channel < 3; channel++) {
    for (let value = 0; value < 256; value++) table[channel * 256 + value] = (value - mean[channel]!) / sd[channel]!;
  }
  return table;
}

function normalisationOf({ mean, sd }: ChannelStatistics): Normalisation {
  return {
    factor: Float64Array.from(sd, (value) => 1 / value),
    offset: Float64Array.from(mean, (value, channel) => -value / sd[channel]!),
  };
}

/** Without interpolation: every pixel of the source is one of the target. */
function copyImage(source: BatchSource, index: number, mirror: Mirror, table: Float32Array, target: Float32Array, at: number): void {
  const { images, inputSize: side } = source;
  const step = mirror.horizontal ? -3 : 3;
  let to = at * side * side * 3;
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

function copyMask(source: BatchSource, index: number, mirror: Mirror, target: Uint8Array, at: number): void {
  const side = source.inputSize;
  const start = at * side * side;
  for (let y = 0; y < side; y++) {
    const from = (index * side + (mirror.vertical ? side - 1 - y : y)) * side;
    const to = start + y * side;
    target.set(source.masks.subarray(from, from + side), to);
    if (mirror.horizontal) target.subarray(to, to + side).reverse();
  }
}
