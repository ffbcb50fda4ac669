// Against PyTorch's optimizers on given gradients (../fixtures/optimizer_fixture.py), and what a state of each type holds.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AdamWConfig, OptimizerConfig } from "./config.ts";
import { createNetwork } from "./network.ts";
import { applyOptimizer } from "./optimizer.ts";
import { createState, type Slot, type TensorRecord } from "./state.ts";
import { engine, randomBatch, smallConfig, training } from "./test-network.case.ts";

type Values = Record<string, number[]>;
interface Case {
  config: OptimizerConfig;
  norms: number[];
  final: Values;
  state: Record<string, Values>;
}
interface Fixture {
  shapes: Values;
  rates: number[];
  /** Names of parameters that get no gradient, by step. */
  withoutGradient: Record<string, string[]>;
  initial: Values;
  /** By name and step. */
  gradients: Record<string, number[][]>;
  cases: Record<string, Case>;
}
const fixture = (JSON.parse(readFileSync(new URL("../fixtures/optimizer.json", import.meta.url), "utf8")) as { optimizers: Fixture })
  .optimizers;
const names = Object.keys(fixture.shapes);
const tiny = smallConfig({ heads: "classification", depth: 2, baseFilters: 2, classes: 2 });

/** All steps of the fixture with one optimizer; `withWeights`: the weights are handed over, as the network does. */
function run(config: OptimizerConfig, withWeights: boolean): Map<string, TensorRecord> {
  const state = createState(engine, tiny, 1, config.type);
  for (const name of names) state.parameter(name).assign(Float32Array.from(fixture.initial[name]!));
  fixture.rates.forEach((rate, step) => {
    const skipped = fixture.withoutGradient[step] ?? [];
    const used = names.filter((name) => !skipped.includes(name));
    const before = engine.memory().tensors;
    const gradientOf = (name: string) => engine.tensor(Float32Array.from(fixture.gradients[name]![step]!), fixture.shapes[name]!);
    const gradients = new Map(used.map((name) => [name, gradientOf(name)]));
    const weights = new Map(withWeights ? used.map((name) => [name, state.parameter(name).read()] as const) : []);
    applyOptimizer(engine, state, gradients, weights, config, rate);
    expect(engine.memory().tensors).toBe(before);
  });
  const exported = state.export();
  state.dispose();
  return exported;
}

/** Relative to the largest value of the tensor. */
function expectClose(actual: Float32Array, expected: readonly number[], tolerance: number, what: string): void {
  const scale = Math.max(...expected.map(Math.abs));
  const worst = expected.reduce((most, value, index) => Math.max(most, Math.abs(actual[index]! - value)), 0);
  expect(actual.length).toBe(expected.length);
  expect(worst / scale, what).toBeLessThan(tolerance);
}

describe("six steps, one of them without a gradient for two parameters, agree with PyTorch:", () => {
  it.each(Object.entries(fixture.cases))("%s", (_, { config, final, state }) => {
    const exported = run(config, true);
    for (const name of names) {
      // Roundings of float32 (6e-8 each) over six steps: measured 1e-7 at most.
      expectClose(exported.get(`model.${name}`)!.data, final[name]!, 5e-7, name);
      for (const [slot, expected] of Object.entries(state[name]!)) {
        const { data } = exported.get(`optimizer.${name}.${slot}`)!;
        // The kernel takes 1 - beta in float32, 1.3e-5 off at 0.999. The bias correction takes the same, so the parameters are not off.
        expectClose(data, expected, slot === "steps" ? 1e-9 : 2e-5, `${name} ${slot}`);
      }
    }
  });

  it("to the same bits whether or not the network hands over the weights it has read", () => {
    const config = fixture.cases["AdamW with PyTorch's defaults"]!.config;
    expect(run(config, true)).toEqual(run(config, false));
  });
});

describe("clipping", () => {
  it("changes no bit of a gradient that is short enough, and its limit is the global norm", () => {
    const { config, norms } = fixture.cases["SGD, clipped where the gradient is long"]!;
    const longest = Math.max(...norms);
    const without = run({ ...config, clipNorm: "none" }, true);
    expect(run({ ...config, clipNorm: longest * 1.0001 }, true)).toEqual(without);
    expect(run({ ...config, clipNorm: longest * 0.999 }, true)).not.toEqual(without);
  });
});

const adamw: AdamWConfig = { type: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 };
const network = (optimizer: OptimizerConfig, seed = 1) => createNetwork(engine, smallConfig(), { ...training(), optimizer }, seed);
const slotsOf = (state: Map<string, TensorRecord>): string[] => [
  ...new Set([...state.keys()].filter((name) => name.startsWith("optimizer.")).map((name) => name.split(".").at(-1)!)),
];

describe("the state of a network trained by AdamW", () => {
  it("holds both moments and the steps of every parameter; that of SGD its momentum alone", () => {
    expect(slotsOf(network(adamw).exportState())).toEqual(["firstMoment", "secondMoment", "steps"] satisfies (Slot | "steps")[]);
    expect(slotsOf(network(training().optimizer).exportState())).toEqual(["momentum"] satisfies Slot[]);
  });

  it("makes the next steps equal to the last bit in another network", () => {
    const [one, other] = [network(adamw), network(adamw, 2)];
    const batches = [1, 2, 3, 4].map((seed) => randomBatch(smallConfig(), 4, seed));
    batches[1]!.hasMask.fill(0); // the decoder's parameters are a step behind
    for (const batch of batches.slice(0, 2)) one.trainStep(batch, 0.01);
    other.importState(one.exportState());
    for (const batch of batches.slice(2)) expect(other.trainStep(batch, 0.005)).toEqual(one.trainStep(batch, 0.005));
    expect(other.exportState()).toEqual(one.exportState());
    const steps = (name: string): number => one.exportState().get(`optimizer.${name}.steps`)!.data[0]!;
    expect([steps("encoder.0.0.kernel"), steps("segmentation.output.bias")]).toEqual([4, 3]);
  });

  it("does not fit a network trained by the other", () => {
    const subject = network(training().optimizer);
    expect(() => subject.importState(network(adamw).exportState())).toThrow("it has no optimizer.encoder.0.0.kernel.momentum");
  });

  it("learns: the loss falls", () => {
    const subject = network(adamw);
    const batch = randomBatch(smallConfig(), 4);
    const losses = Array.from({ length: 25 }, () => subject.trainStep(batch, 0.01).total);
    expect(losses.at(-1)! / losses[0]!).toBeLessThan(0.5);
  });
});
