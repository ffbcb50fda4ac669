import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHash } from "node:crypto";
import { SaphenaError, resolveAugmentation } from "@saphena/contracts";
import { createPack } from "../pack.ts";
import type { Pack } from "../pack.ts";
import { augmentationOf } from "../augment/augmentation.ts";
import type { Mirror } from "../augment/augmentation.ts";
import { allocateBatch, createBatchFiller } from "./batch.ts";
import type { Batch, FillOptions } from "./batch.ts";
import { epochOrder, trainingSlices, validationSlices } from "./order.ts";
import { channelStatistics } from "./statistics.ts";

const SIDE = 5;

/** Images in which every pixel differs, and masks that say where the red channel is odd; every third mask is missing. */
function pack(images = 12): Pack {
  const pixels = SIDE * SIDE;
  const bytes = Uint8Array.from({ length: images * pixels * 3 }, (_, i) => (i * 7919 + ((i * i) >> 3)) & 255);
  const hasMask = Uint8Array.from({ length: images }, (_, i) => (i % 3 === 2 ? 0 : 1));
  const masks = Uint8Array.from({ length: images * pixels }, (_, i) => (hasMask[Math.floor(i / pixels)] === 1 ? bytes[i * 3]! & 1 : 0));
  const ids = Array.from({ length: images }, (_, i) => `i${i}`);
  return createPack(
    {
      datasetHash: "",
      inputSize: SIDE,
      resize: "fit",
      labelNames: ["a", "b"],
      maskClasses: 2,
      ids,
      groups: ids,
      sources: ids,
      emptiedMasks: [],
    },
    {
      images: bytes,
      masks,
      hasMask,
      labels: Int32Array.from(ids, (_, i) => (i % 4) - 1),
      weights: Float32Array.from(ids, (_, i) => i + 1),
    },
  );
}

const PLAIN = { mean: [0, 0, 0], sd: [1, 1, 1] };
const MIRROR = resolveAugmentation("mirror");

interface Filling extends Partial<FillOptions> {
  epoch?: number | null;
  target?: Batch;
}
function fill(from: Pack, indices: readonly number[], { epoch = 1, target, ...changes }: Filling = {}): Batch {
  const filler = createBatchFiller(from, { seed: 1, augment: MIRROR, statistics: PLAIN, ...changes });
  return filler({ indices: Int32Array.from(indices), epoch, repeats: null }, target ?? allocateBatch(from, indices.length));
}
const mirrorOf = (seed: number, epoch: number, index: number): Mirror => augmentationOf(MIRROR, seed, epoch, index).mirror;

describe("the order of an epoch", () => {
  it("is a permutation that seed and epoch decide alone", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(1000), { minLength: 1 }), fc.nat(), fc.nat(1000), (indices, seed, epoch) => {
        const given = Int32Array.from(indices);
        const order = epochOrder(seed, epoch, given);
        expect(order.toSorted()).toEqual(given.toSorted());
        expect(epochOrder(seed, epoch, given)).toEqual(order);
        expect([...given]).toEqual(indices);
      }),
    );
    const many = Int32Array.from({ length: 50 }, (_, i) => i);
    const orders = [
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
    ].map(([seed, epoch]) => epochOrder(seed!, epoch!, many).join());
    expect(new Set(orders).size).toBe(4);
  });

  it("puts every image at every place about equally often", () => {
    const counts = new Int32Array(8 * 8);
    const eight = Int32Array.from({ length: 8 }, (_, i) => i);
    for (let epoch = 0; epoch < 8000; epoch++) epochOrder(7, epoch, eight).forEach((image, place) => counts[image * 8 + place]!++);
    // 1000 expected, standard deviation 30
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1150);
  });

  it("keeps the last, smaller batch unless it is a single image; validation keeps that too", () => {
    const order = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);
    const lengths = (slices: Int32Array[]): number[] => slices.map(({ length }) => length);
    expect(lengths(trainingSlices(order(10), 4))).toEqual([4, 4, 2]);
    expect(lengths(trainingSlices(order(9), 4))).toEqual([4, 4]);
    expect(lengths(trainingSlices(order(3), 4))).toEqual([3]);
    expect(lengths(validationSlices(order(9), 4))).toEqual([4, 4, 1]);
    expect(() => trainingSlices(order(1), 4)).toThrow(SaphenaError);
  });
});

describe("a batch", () => {
  it("holds the named images, normalised, with their masks, labels and weights", () => {
    const from = pack();
    const statistics = channelStatistics(from, Int32Array.of(0, 1, 2, 3));
    const batch = fill(from, [7, 2], { epoch: null, statistics });
    expect([...batch.labels]).toEqual([2, 1]);
    expect([...batch.hasMask]).toEqual([1, 0]);
    expect([...batch.weights]).toEqual([8, 3]);
    expect([...batch.masks.subarray(0, 25)]).toEqual([...from.masks.subarray(7 * 25, 8 * 25)]);
    batch.images.forEach((value, i) => {
      const byte = from.images[(i < 75 ? 7 : 1) * 75 + i]!; // the second image starts at 2·75 = 1·75 + 75
      expect(value).toBe(Math.fround((byte - statistics.mean[i % 3]!) / statistics.sd[i % 3]!));
    });
  });

  it("mirrors image and mask in step, by draws that do not depend on the batch", () => {
    const from = pack();
    fc.assert(
      fc.property(fc.nat(), fc.nat(1000), fc.nat(11), (seed, epoch, index) => {
        const batch = fill(from, [3, index], { seed, epoch });
        const { horizontal, vertical } = mirrorOf(seed, epoch, index);
        for (let y = 0; y < SIDE; y++) {
          for (let x = 0; x < SIDE; x++) {
            const source = (vertical ? SIDE - 1 - y : y) * SIDE + (horizontal ? SIDE - 1 - x : x);
            const place = y * SIDE + x;
            expect(batch.images[(25 + place) * 3 + 2]).toBe(from.images[(index * 25 + source) * 3 + 2]);
            expect(batch.masks[25 + place]).toBe(from.masks[index * 25 + source]);
          }
        }
        expect([...fill(from, [index], { seed, epoch }).images]).toEqual([...batch.images.subarray(75)]);
      }),
    );
  });

  it("mirrored only, is bit for bit what it was before there was more than mirroring", () => {
    const statistics = { mean: [120.3, 99.1, 130.7], sd: [61.2, 70.9, 55.5] };
    const hash = createHash("sha256");
    for (let epoch = 1; epoch <= 6; epoch++) {
      const { images, masks } = fill(
        pack(),
        Array.from({ length: 12 }, (_, i) => 11 - i),
        { seed: 7, epoch, statistics },
      );
      hash.update(new Uint8Array(images.buffer)).update(masks);
    }
    expect(hash.digest("hex")).toBe("12c3b430125703ce0de3b16a1a3ee1e808b4be1952da18dbea10e671e4a758de");
  });

  it("meets each of the four mirrorings about equally often", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      const key = JSON.stringify(mirrorOf(3, i % 40, Math.floor(i / 40)));
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect([...counts.values()].every((n) => n > 880 && n < 1120)).toBe(true);
    expect(counts.size).toBe(4);
  });

  it("leaves nothing of the batch that was in the arrays before", () => {
    const from = pack();
    const target = allocateBatch(from, 2);
    fill(from, [0, 1], { target });
    const again = fill(from, [2, 5], { target });
    expect(again.masks.every((value) => value === 0)).toBe(true);
    expect(again).toEqual(fill(from, [2, 5]));
    expect(() => fill(from, [1], { target })).toThrow("a batch of 2 cannot hold 1 images");
  });

  it("works on a pack without any masks", () => {
    const bare = { ...pack(), masks: new Uint8Array(), hasMask: new Uint8Array(12), maskClasses: 0 };
    expect(fill(bare, [1]).masks.every((value) => value === 0)).toBe(true);
  });
});

describe("channel statistics", () => {
  it("are mean and population SD of the training images alone", () => {
    const from = pack();
    const indices = Int32Array.of(1, 4);
    const { mean, sd } = channelStatistics(from, indices);
    for (let channel = 0; channel < 3; channel++) {
      const values = [...indices].flatMap((index) => Array.from({ length: 25 }, (_, i) => from.images[(index * 25 + i) * 3 + channel]!));
      const expected = values.reduce((a, b) => a + b, 0) / 50;
      expect(mean[channel]).toBeCloseTo(expected, 10);
      expect(sd[channel]).toBeCloseTo(Math.sqrt(values.reduce((sum, v) => sum + (v - expected) ** 2, 0) / 50), 10);
    }
  });

  it("have an SD of 1 where a channel does not vary", () => {
    expect(channelStatistics({ images: new Uint8Array(75).fill(9), inputSize: 5 }, Int32Array.of(0))).toEqual({
      mean: [9, 9, 9],
      sd: [1, 1, 1],
    });
  });
});
