// The WASM engine against native TensorFlow, with and without Saphena's own kernels, on the same networks, batches and seeds.
//
// All compute in float32 (unit roundoff u = 6e-8) and differ in the order of their sums only. A sum of n products has a relative error of
// about √n·u: for the longest ones of a small network, kernel gradients over n = 2·16·16 pixels, 1.4e-6; a network stacks a dozen layers,
// and batch normalisation subtracts means of them. Measured: 7e-6 of a gradient's largest value; a wrong kernel misses 1e-4 by orders of
// magnitude. Two things grow beyond rounding, between any two of these engines alike. An activation within rounding of 0 may fall on either
// side of the LeakyReLU, whose slope there jumps from 0.01 to 1: of the two million of a 64 px batch of noise one or two do, and move
// gradients by 1e-2. And training carries such a jump on: after 20 steps native TensorFlow differs from itself with other kernels by
// up to 5e-3 of the loss (and by 1e-7 where no activation changed sides).
import { createHash } from "node:crypto";
import { loadEngine, withoutOwnKernels, type Engine } from "@saphena/tf";
import { describe, expect, it } from "vitest";
import type { NetworkConfig, OptimizerConfig } from "./config.ts";
import { createNetwork, type Network, type StepLosses } from "./network.ts";
import type { TensorRecord } from "./state.ts";
import { engine as native, randomBatch, smallConfig, training } from "./test-network.case.ts";

const wasm = await loadEngine({ threads: 1, engine: "wasm" });
const references: Record<string, Engine> = { "TensorFlow's kernels": withoutOwnKernels(native), "native TensorFlow": native };
const ROUNDING = 1e-4;
const A_FEW_JUMPS = 5e-2;
const AFTER_20_STEPS = 2e-2;

const configs: Record<string, { config: NetworkConfig; gradients: number }> = {
  "both heads": { config: smallConfig({ inputSize: 16 }), gradients: ROUNDING },
  "three mask classes and a filter cap": {
    config: smallConfig({ depth: 4, baseFilters: 6, maxFilters: 20, inputSize: 16, maskClasses: 3 }),
    gradients: ROUNDING,
  },
  "a class head": { config: smallConfig({ heads: "classification" }), gradients: ROUNDING },
  "a decoder, for grey images": { config: smallConfig({ heads: "segmentation", channels: 1 }), gradients: ROUNDING },
  "64 pixels": { config: smallConfig({ depth: 4, baseFilters: 8, maxFilters: 480, inputSize: 64 }), gradients: A_FEW_JUMPS },
};
const optimizers: Record<string, OptimizerConfig> = {
  "SGD with Nesterov": training().optimizer,
  "AdamW, clipped": { type: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 },
};

/** The largest difference, relative to the largest expected value. */
function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let [largest, scale] = [0, 0];
  for (let index = 0; index < expected.length; index++) {
    largest = Math.max(largest, Math.abs((actual[index] as number) - (expected[index] as number)));
    scale = Math.max(scale, Math.abs(expected[index] as number));
  }
  return largest / Math.max(scale, 1e-6);
}

/** The tensors that differ by `limit` or more. */
function differing(actual: ReadonlyMap<string, TensorRecord>, expected: ReadonlyMap<string, TensorRecord>, limit: number): unknown[] {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  return [...expected]
    .map(([name, { data }]) => [name, difference((actual.get(name) as TensorRecord).data, data)] as const)
    .filter(([, value]) => !(value < limit));
}

const lossesOf = ({ losses }: { losses: StepLosses }): number[] => [losses.total, losses.classification ?? -1, losses.segmentation ?? -1];

const hashOf = (network: Network): string => {
  const hash = createHash("sha256");
  for (const { data } of network.exportState().values()) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest("hex");
};

/** Trains on a new batch each step; the caller disposes the network. */
function trained(engine: Engine, optimizer: OptimizerConfig, steps: number): { losses: number[]; network: Network } {
  const network = createNetwork(engine, smallConfig(), { ...training(), optimizer }, 1);
  const rate = optimizer.type === "sgd" ? 0.005 : 0.002;
  const losses = Array.from({ length: steps }, (_, step) => network.trainStep(randomBatch(network.config, 4, step), rate).total);
  return { losses, network };
}

describe.each(Object.entries(references))("on WASM as with %s", (_, reference) => {
  it.each(Object.entries(configs))("a network of %s has equal losses, gradients and predictions", (__, { config, gradients }) => {
    const batch = randomBatch(config, 2);
    const [ours, theirs] = [wasm, reference].map((engine) => createNetwork(engine, config, training(), 3)) as [Network, Network];
    const [actual, expected] = [ours.gradients(batch), theirs.gradients(batch)];
    expect(difference(lossesOf(actual), lossesOf(expected))).toBeLessThan(ROUNDING);
    expect(differing(actual.gradients, expected.gradients, gradients)).toEqual([]);

    const [seen, right] = [ours.predict(batch.images, batch.size), theirs.predict(batch.images, batch.size)];
    for (const key of ["probabilities", "maskProbabilities"] as const)
      expect(difference(seen[key] ?? [], right[key] ?? []), key).toBeLessThan(ROUNDING);
    for (const network of [ours, theirs]) network.dispose();
  });

  it.each(Object.entries(optimizers))("training with %s leads to the same state, and goes the same way for 20 steps", (__, optimizer) => {
    const [ours, theirs] = [wasm, reference].map((engine) => trained(engine, optimizer, 1).network) as [Network, Network];
    expect(differing(ours.exportState(), theirs.exportState(), ROUNDING)).toEqual([]);
    const [long, right] = [trained(wasm, optimizer, 20), trained(reference, optimizer, 20)];
    expect(
      long.losses.map((loss, step) => loss / (right.losses[step] as number) - 1).filter((off) => !(Math.abs(off) < AFTER_20_STEPS)),
    ).toEqual([]);
    for (const network of [ours, theirs, long.network, right.network]) network.dispose();
  });
});

describe.each(Object.entries(optimizers))("training on WASM with %s", (_, optimizer) => {
  it("gives the same numbers again, and after a resume, to the last bit", () => {
    const [first, second, resumed] = [4, 4, 2].map((steps) => trained(wasm, optimizer, steps).network) as [Network, Network, Network];
    expect(hashOf(first)).toBe(hashOf(second));
    const goesOn = createNetwork(wasm, resumed.config, { ...training(), optimizer }, 99);
    goesOn.importState(resumed.exportState());
    const rate = optimizer.type === "sgd" ? 0.005 : 0.002;
    for (const step of [2, 3]) goesOn.trainStep(randomBatch(resumed.config, 4, step), rate);
    expect(hashOf(goesOn)).toBe(hashOf(first));
    for (const network of [first, second, resumed, goesOn]) network.dispose();
  });

  it("leaves nothing behind", () => {
    const before = wasm.memory();
    const network = createNetwork(wasm, smallConfig(), { ...training(), optimizer }, 1);
    const batch = randomBatch(network.config, 4);
    network.trainStep(batch, 0.01);
    const resting = wasm.memory();
    for (let step = 0; step < 3; step++) network.trainStep(batch, 0.01);
    network.gradients(batch);
    network.predict(batch.images, batch.size);
    expect(wasm.memory()).toMatchObject({ tensors: resting.tensors, tensorBytes: resting.tensorBytes });
    network.dispose();
    expect(wasm.memory()).toMatchObject({ tensors: before.tensors, tensorBytes: before.tensorBytes });
  });
});
