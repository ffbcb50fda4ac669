import { describe, expect, it } from "vitest";
import type { Batch } from "./batch.ts";
import { createNetwork } from "./network.ts";
import { levelWeights, targetsAt } from "./segmentation-loss.ts";
import { engine, randomBatch, smallConfig, training } from "./test-network.case.ts";

const config = smallConfig();
const isEqual = (a: Float32Array, b: Float32Array | undefined): boolean =>
  a.length === b?.length && a.every((value, index) => value === b[index]);
const lossesOf = (batch: Batch, change = {}) => {
  const network = createNetwork(engine, config, training(change), 1);
  const result = network.gradients(batch);
  network.dispose();
  return result;
};

describe("a sample without a mask", () => {
  it("adds nothing to the segmentation loss, whatever its mask array holds", () => {
    const batch = randomBatch(config, 4);
    batch.hasMask[2] = 0;
    const scribbled = { ...batch, masks: batch.masks.slice() };
    scribbled.masks.fill(1, 2 * 64, 3 * 64);
    scribbled.masks[2 * 64] = 250; // not even a mask class
    expect(lossesOf(scribbled)).toEqual(lossesOf(batch));
  });

  it("is not the same as an empty mask", () => {
    const missing = randomBatch(config, 4);
    missing.masks.fill(0, 0, 64);
    const empty = { ...missing, hasMask: missing.hasMask.slice() };
    missing.hasMask[0] = 0;
    expect(lossesOf(missing).losses.segmentation).not.toBeCloseTo(lossesOf(empty).losses.segmentation as number, 3);
  });
});

describe("a batch without any mask", () => {
  const batch = { ...randomBatch(config, 3), hasMask: new Uint8Array(3) };

  it("has no segmentation loss, and no gradient in the decoder", () => {
    const { losses, gradients } = lossesOf(batch);
    expect(losses.segmentation).toBeNull();
    expect(losses.total).toBe(0.5 * (losses.classification as number));
    expect([...gradients.keys()].filter((name) => /^(decoder|segmentation|supervision)\./.test(name))).toEqual([]);
    expect(gradients.has("encoder.0.0.kernel")).toBe(true);
  });

  it("leaves the decoder's weights and momentum as they are", () => {
    const network = createNetwork(engine, config, training(), 1);
    network.trainStep(randomBatch(config, 3), 0.1);
    const before = network.exportState();
    network.trainStep(batch, 0.1);
    const after = network.exportState();
    const changed = [...after].filter(([name, { data }]) => !isEqual(data, before.get(name)?.data)).map(([name]) => name);
    expect(changed).toEqual(
      [...after.keys()].filter((name) => /\.(mean|variance)$/.test(name) || !/(decoder|segmentation|supervision)\./.test(name)),
    );
    network.dispose();
  });
});

describe("a missing label", () => {
  it("takes the sample out of the classification loss", () => {
    const batch = randomBatch(config, 4);
    batch.labels.set([0, 1, 2, 1]);
    const one = (index: number): number =>
      lossesOf({ ...batch, labels: batch.labels.map((label, at) => (at === index ? label : -1)) }).losses.classification as number;
    const each = [0, 1, 2, 3].map(one);
    expect(lossesOf(batch).losses.classification).toBeCloseTo(each.reduce((a, b) => a + b) / 4, 5);
  });

  it("in every sample leaves the class head without loss and gradient", () => {
    const { losses, gradients } = lossesOf({ ...randomBatch(config, 3), labels: new Int32Array(3).fill(-1) });
    expect(losses.classification).toBeNull();
    expect(losses.total).toBe(losses.segmentation);
    expect([...gradients.keys()].some((name) => name.startsWith("classification."))).toBe(false);
  });

  it("and a missing mask in every sample change no weight at all", () => {
    const network = createNetwork(engine, config, training(), 1);
    const before = network.exportState();
    expect(network.trainStep({ ...randomBatch(config, 3), labels: new Int32Array(3).fill(-1), hasMask: new Uint8Array(3) }, 0.1)).toEqual({
      total: 0,
      classification: null,
      segmentation: null,
    });
    const changed = [...network.exportState()].filter(([name, { data }]) => !isEqual(data, before.get(name)?.data)).map(([name]) => name);
    expect(changed.filter((name) => !/\.(mean|variance)$/.test(name))).toEqual([]);
    network.dispose();
  });
});

describe("sample weights", () => {
  it("of 0 count as a missing label and mask", () => {
    const batch = randomBatch(config, 4);
    const weightless = { ...batch, weights: Float32Array.of(1, 0, 1, 1) };
    const missing = {
      ...batch,
      labels: batch.labels.map((label, index) => (index === 1 ? -1 : label)),
      hasMask: Uint8Array.of(1, 0, 1, 1),
    };
    expect(lossesOf(weightless)).toEqual(lossesOf(missing));
  });

  it("weigh the classification loss as a weighted mean", () => {
    const batch = randomBatch(config, 2);
    const [first, second] = [0, 1].map(
      (index) =>
        lossesOf({ ...batch, labels: batch.labels.map((label, at) => (at === index ? label : -1)) }).losses.classification as number,
    ) as [number, number];
    expect(lossesOf({ ...batch, weights: Float32Array.of(3, 1) }).losses.classification).toBeCloseTo((3 * first + second) / 4, 5);
  });
});

describe("deep supervision", () => {
  it("halves the weight with every level, and the weights sum to 1", () => {
    expect(levelWeights(3)).toEqual([4 / 7, 2 / 7, 1 / 7]);
    expect(levelWeights(1)).toEqual([1]);
  });

  it("off leaves the lower levels' convolutions without a gradient", () => {
    const supervised = [...lossesOf(randomBatch(config, 2)).gradients.keys()];
    const finalOnly = [...lossesOf(randomBatch(config, 2), { deepSupervision: false }).gradients.keys()];
    expect(supervised.filter((name) => !finalOnly.includes(name))).toEqual(["supervision.1.bias", "supervision.1.kernel"]);
  });

  it("takes every second, fourth, … pixel of the mask, and counts the mass of each class", () => {
    const batch = { ...randomBatch(smallConfig({ inputSize: 4 }), 2), masks: Uint8Array.from({ length: 32 }, (_, index) => index % 3) };
    expect([...targetsAt(batch, Float32Array.of(1, 1), 1, [2, 2, 2, 3]).ids]).toEqual([0, 2, 2, 1, 1, 0, 0, 2]);
    const { ids, classMass } = targetsAt(batch, Float32Array.of(0, 0.5), 1, [2, 2, 2, 3]);
    expect([...ids]).toEqual([0, 0, 0, 0, 1, 0, 0, 2]);
    expect([...classMass]).toEqual([1, 0.5, 0.5]);
  });
});

describe("a batch that does not fit is refused:", () => {
  const batch = randomBatch(config, 2);
  it.each([
    ["too few images", { images: batch.images.slice(1) }, "images of a batch of 2 must have 384 values"],
    ["a label outside the classes", { labels: Int32Array.of(0, 3) }, "sample 1 has label 3, outside 0 to 2"],
    [
      "a mask class outside the classes",
      { masks: batch.masks.map((id, index) => (index === 70 ? 2 : id)) },
      "sample 1 has mask class 2, outside 0 to 1",
    ],
    ["a negative weight", { weights: Float32Array.of(-1, 1) }, "sample 0 has weight -1"],
    ["no sample", { size: 0 }, "a batch holds 1 or more samples, not 0"],
  ])("%s", (_, change, message) => {
    expect(() => lossesOf({ ...batch, ...change })).toThrow(message);
  });
});
