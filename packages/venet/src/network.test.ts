import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { NetworkConfig } from "./config.ts";
import { createNetwork, type Network } from "./network.ts";
import { engine, expectNothingLeft, randomBatch, smallConfig, training } from "./test-network.case.ts";

const hashOf = (network: Network): string => {
  const hash = createHash("sha256");
  for (const [name, { shape, data }] of network.exportState())
    hash.update(`${name}[${shape.join()}]`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest("hex");
};

/** Trains `steps` steps on changing batches from step `from` on. */
function train(network: Network, from: number, steps: number): void {
  for (let step = from; step < from + steps; step++) network.trainStep(randomBatch(network.config, 4, step), 0.02 / (1 + step));
}

describe("training", () => {
  it("lowers the loss of a batch it sees again and again", () => {
    const network = createNetwork(engine, smallConfig(), training(), 1);
    const batch = randomBatch(network.config, 4);
    const losses = Array.from({ length: 40 }, () => network.trainStep(batch, 0.05).total);
    expect(losses.at(-1)).toBeLessThan(0.3 * (losses[0] as number));
    network.dispose();
  });

  it("gives the same numbers again, to the last bit", () => {
    const hashes = [1, 1, 2].map((seed) => {
      const network = createNetwork(engine, smallConfig(), training(), seed);
      train(network, 0, 4);
      const hash = hashOf(network);
      network.dispose();
      return hash;
    });
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });

  it("goes on from an exported state as if it had never stopped, to the last bit", () => {
    const unbroken = createNetwork(engine, smallConfig(), training(), 1);
    train(unbroken, 0, 3);
    const state = unbroken.exportState();
    train(unbroken, 3, 3);
    const resumed = createNetwork(engine, smallConfig(), training(), 99);
    resumed.importState(state);
    train(resumed, 3, 3);
    expect(hashOf(resumed)).toBe(hashOf(unbroken));
    unbroken.dispose();
    resumed.dispose();
  });

  it("does not touch an exported or imported state afterwards", () => {
    const network = createNetwork(engine, smallConfig(), training(), 1);
    const state = network.exportState();
    const copy = new Map([...state].map(([name, { data }]) => [name, data.slice()]));
    network.importState(state);
    train(network, 0, 3);
    for (const [name, { data }] of state) expect(data, `tensor ${name}`).toEqual(copy.get(name));
    network.dispose();
  });

  it("leaves nothing behind: as many tensors after a step as before it, and none after dispose", () =>
    expectNothingLeft(() => createNetwork(engine, smallConfig(), training(), 1)));

  it("reports what cannot be trained as a loss that is not finite", () => {
    const network = createNetwork(engine, smallConfig(), training(), 1);
    const batch = randomBatch(network.config, 2);
    batch.images[5] = Number.NaN;
    expect(network.trainStep(batch, 0.01).total).toBeNaN();
    network.dispose();
  });
});

describe("prediction", () => {
  it("gives probabilities that sum to 1, and the most probable mask class", () => {
    const network = createNetwork(engine, smallConfig({ maskClasses: 3 }), training(), 1);
    const batch = randomBatch(network.config, 3);
    const { probabilities, maskProbabilities, masks } = network.predict(batch.images, 3);
    const rows = (values: Float32Array | null, width: number): number[][] =>
      Array.from({ length: (values?.length ?? 0) / width }, (_, row) => [
        ...(values as Float32Array).subarray(row * width, (row + 1) * width),
      ]);
    expect(rows(probabilities, 3)).toHaveLength(3);
    expect(rows(maskProbabilities, 3)).toHaveLength(3 * 64);
    for (const row of [...rows(probabilities, 3), ...rows(maskProbabilities, 3)]) expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    expect([...(masks as Uint8Array)]).toEqual(rows(maskProbabilities, 3).map((row) => row.indexOf(Math.max(...row))));
    network.dispose();
  });

  it("of an image does not depend on the images beside it", () => {
    const network = createNetwork(engine, smallConfig(), training(), 1);
    train(network, 0, 2);
    const { images } = randomBatch(network.config, 3, 5);
    const together = network.predict(images, 3);
    const alone = network.predict(images.slice(images.length / 3, (2 * images.length) / 3), 1);
    const expected = (together.probabilities as Float32Array).slice(3, 6);
    (alone.probabilities as Float32Array).forEach((value, index) => expect(value).toBeCloseTo(expected[index] as number, 5));
    network.dispose();
  });
});

describe("a network can be built and trained", () => {
  const shapes: [string, Partial<NetworkConfig>][] = [
    ["at depth 2", { depth: 2 }],
    ["at depth 5 and the smallest size it allows", { depth: 5, inputSize: 16 }],
    ["at a size that is no power of two", { depth: 3, inputSize: 12 }],
    ["with an odd lowest level", { depth: 2, inputSize: 6 }],
    ["on grey images", { channels: 1 }],
    ["with seven grades and five mask classes", { classes: 7, maskClasses: 5 }],
    ["with the cap below the base", { maxFilters: 3 }],
    ["for classification only", { heads: "classification", maskClasses: 0 }],
    ["for segmentation only", { heads: "segmentation", classes: 0 }],
  ];
  it.each(shapes)("%s", (_, change) => {
    const config = smallConfig(change);
    const network = createNetwork(engine, config, training(), 1);
    const batch = randomBatch(config, 2);
    const before = network.exportState();
    const losses = network.trainStep(batch, 0.1);
    expect(Number.isFinite(losses.total)).toBe(true);
    expect(losses.classification === null).toBe(config.heads === "segmentation");
    expect(losses.segmentation === null).toBe(config.heads === "classification");
    for (const [name, { data }] of network.exportState()) expect(data, `tensor ${name}`).not.toEqual(before.get(name)?.data);
    const prediction = network.predict(batch.images, 2);
    expect(prediction.masks?.length).toBe(config.heads === "classification" ? undefined : 2 * config.inputSize ** 2);
    network.dispose();
  });
});

describe("a state that does not fit is refused and changes nothing:", () => {
  const network = createNetwork(engine, smallConfig(), training(), 1);
  const state = network.exportState();
  const first = "model.encoder.0.0.kernel";
  const without = new Map(state);
  without.delete(first);
  it.each([
    ["a missing tensor", without, `it has no ${first}`],
    [
      "a tensor of another shape",
      new Map([...state, [first, { shape: [1], data: Float32Array.of(0) }]]),
      `${first} is [1] and not [3,3,3,4]`,
    ],
    [
      "a tensor of another network",
      new Map([...state, ["model.other", { shape: [1], data: Float32Array.of(0) }]]),
      "it has model.other, which this network does not",
    ],
  ])("%s", (_, bad, message) => {
    const before = hashOf(network);
    expect(() => network.importState(bad)).toThrow(
      expect.objectContaining({ code: "CHECKPOINT_INVALID", message: expect.stringContaining(message) }) as Error,
    );
    expect(hashOf(network)).toBe(before);
  });
});
