// Balanced sampling; the shuffled order is tested with the batches.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { epochOrder, trainingSlices } from "./order.ts";

/** Labels of a pack, -1 = none, and a training part of it. */
const scene = fc.record({
  labels: fc.array(fc.integer({ min: -1, max: 4 }), { minLength: 2, maxLength: 120 }),
  seed: fc.nat(),
  epoch: fc.nat(1000),
});
const trainingPart = (labels: readonly number[]): Int32Array => Int32Array.from(labels.keys()).filter((index) => index % 3 !== 1);

function countBy<T>(items: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
const spread = (counts: Iterable<number>): number => Math.max(...counts) - Math.min(...counts);

describe("a balanced epoch", () => {
  it("is as long as a shuffled one and holds every label of the training part equally often, to one image", () => {
    fc.assert(
      fc.property(scene, ({ labels, seed, epoch }) => {
        const indices = trainingPart(labels);
        const order = epochOrder(seed, epoch, indices, Int32Array.from(labels));
        expect(order).toHaveLength(indices.length);
        const present = new Set(Array.from(indices, (index) => labels[index]!));
        const counts = countBy(Array.from(order, (index) => labels[index]!));
        // A part with fewer images than labels cannot hold them all.
        const all = [...present].map((label) => counts.get(label) ?? 0);
        expect(spread(all)).toBeLessThanOrEqual(1);
        expect([...order].every((index) => indices.includes(index))).toBe(true);
      }),
    );
  });

  it("holds the images of one label equally often, to one", () => {
    fc.assert(
      fc.property(scene, ({ labels, seed, epoch }) => {
        const indices = trainingPart(labels);
        const drawn = countBy(epochOrder(seed, epoch, indices, Int32Array.from(labels)));
        for (const label of new Set(Array.from(indices, (index) => labels[index]!))) {
          const counts = [...indices].filter((index) => labels[index] === label).map((index) => drawn.get(index) ?? 0);
          expect(spread(counts)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it("mixes the labels within every batch: none is more than two images ahead of another", () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: 2, max: 16 }), ({ labels, seed, epoch }, batchSize) => {
        const indices = trainingPart(labels);
        fc.pre(indices.length >= 2);
        const present = [...new Set(Array.from(indices, (index) => labels[index]!))];
        for (const slice of trainingSlices(epochOrder(seed, epoch, indices, Int32Array.from(labels)), batchSize)) {
          const counts = countBy(Array.from(slice, (index) => labels[index]!));
          expect(spread(present.map((label) => counts.get(label) ?? 0))).toBeLessThanOrEqual(2);
        }
      }),
    );
  });

  it("is a function of seed, epoch and labels alone, and leaves its arguments as they are", () => {
    fc.assert(
      fc.property(scene, ({ labels, seed, epoch }) => {
        const [indices, given] = [trainingPart(labels), Int32Array.from(labels)];
        const order = epochOrder(seed, epoch, indices, given);
        expect(epochOrder(seed, epoch, indices, given)).toEqual(order);
        expect([...indices]).toEqual([...trainingPart(labels)]);
        expect([...given]).toEqual(labels);
      }),
    );
    const labels = Int32Array.from({ length: 60 }, (_, index) => (index < 50 ? 0 : 1));
    const indices = Int32Array.from(labels.keys());
    const orders = [
      [1, 1],
      [1, 2],
      [2, 1],
    ].map(([seed, epoch]) => epochOrder(seed!, epoch!, indices, labels).join());
    expect(new Set(orders).size).toBe(3);
  });

  it("meets other images of a common label every epoch, until all have come", () => {
    const labels = Int32Array.from({ length: 60 }, (_, index) => (index < 50 ? 0 : 1));
    const indices = Int32Array.from(labels.keys());
    const seen = new Set<number>();
    for (let epoch = 1; epoch <= 8; epoch++) for (const index of epochOrder(5, epoch, indices, labels)) seen.add(index);
    // 30 of 50 an epoch: after eight, each is missed with probability 0.4^8.
    expect(seen.size).toBe(60);
  });

  it("of images with one label, or with none at all, holds every image once", () => {
    const indices = Int32Array.from({ length: 20 }, (_, index) => index);
    for (const label of [-1, 2]) expect(epochOrder(1, 1, indices, new Int32Array(20).fill(label)).toSorted()).toEqual(indices);
  });
});
