import { describe, expect, it, vi } from "vitest";
import { SaphenaError } from "./errors.ts";
import { applyParameters, parameterPaths, parseSweepFile } from "./sweep-rules.ts";

const minimal = { name: "tones", dataset: "tones", budget: { trials: 3 } };
const refusal = (input: unknown): string => {
  try {
    parseSweepFile(input);
  } catch (error) {
    expect(error).toBeInstanceOf(SaphenaError);
    expect((error as SaphenaError).exitCode).toBe(2);
    return (error as SaphenaError).message;
  }
  throw new Error("the file was accepted");
};

describe("the sweep file", () => {
  it("fills in every default of the design", () => {
    const spec = parseSweepFile(minimal);
    expect(spec.model).toEqual({
      arch: "venet",
      heads: "both",
      depth: 5,
      baseFilters: 32,
      maxFilters: 480,
      inputSize: 128,
      resize: "stretch",
    });
    expect(spec.train.optimizer).toEqual({
      type: "sgd",
      learningRate: 0.01,
      momentum: 0.99,
      nesterov: true,
      weightDecay: 3e-5,
      schedule: "poly",
      warmupEpochs: 0,
      minLearningRateShare: 0,
      clipNorm: "none",
    });
    expect(spec.train).toMatchObject({
      seed: 1,
      epochs: 20,
      batchSize: 8,
      augment: "default",
      loss: { classWeight: 0.5, segmentationWeight: 1, deepSupervision: true, classWeights: "none" },
      sampling: "shuffle",
    });
    expect(spec.cv).toEqual({ folds: 5, stratify: "label", groupBy: "group", seed: 12345, validationShare: 0.2 });
    expect(spec.resources).toEqual({ pool: "default", concurrency: 8, priority: 0, threads: 1, inputThreads: 1 });
    expect(spec).toMatchObject({
      objective: { metric: "dice", goal: "maximize" },
      sampler: { type: "random", seed: 1 },
      checkpoints: { keepBest: 1, keepLast: 1 },
      retry: { max: 2 },
    });
  });

  it("names the nearest key for one it does not know", () => {
    expect(refusal({ ...minimal, modle: {} })).toContain("modle is not a known key; did you mean model?");
    expect(refusal({ ...minimal, model: { baseFilter: 8 } })).toContain("model.baseFilter is not a known key; did you mean baseFilters?");
    expect(refusal({ ...minimal, train: { optimizer: { learningrate: 1 } } })).toContain(
      "train.optimizer.learningrate is not a known key; did you mean learningRate?",
    );
    expect(refusal({ ...minimal, parameters: { "train.optimizer.learningRate": { type: "float", mn: 1, max: 2 } } })).toContain(
      "did you mean min?",
    );
  });

  it("refuses a parameter path that does not exist, with the nearest one", () => {
    expect(refusal({ ...minimal, parameters: { "train.optimiser.learningRate": { type: "float", min: 0.1, max: 0.2 } } })).toContain(
      "did you mean train.optimizer.learningRate?",
    );
  });

  it("refuses zero trials, bad ranges and a missing budget with path and value", () => {
    expect(refusal({ ...minimal, budget: { trials: 0 } })).toContain("budget.trials: got 0");
    expect(refusal({ name: "x", dataset: "y" })).toContain("budget: it is missing");
    expect(refusal({ ...minimal, parameters: { "train.optimizer.learningRate": { type: "float", min: 1, max: 0.1 } } })).toContain(
      "min 1 is above max 0.1",
    );
    expect(
      refusal({ ...minimal, parameters: { "train.optimizer.learningRate": { type: "float", min: 0, max: 0.1, log: true } } }),
    ).toContain("log needs min above 0");
  });

  it("checks divisibility over every combination the space allows", () => {
    expect(refusal({ ...minimal, model: { inputSize: 100 } })).toContain("100 is not divisible by 16");
    const space = { "model.depth": { type: "int", min: 3, max: 6 }, "model.inputSize": { type: "categorical", values: [64, 80] } };
    expect(refusal({ ...minimal, parameters: space })).toContain('{"model.depth":6,"model.inputSize":80}');
    expect(parseSweepFile({ ...minimal, parameters: { ...space, "model.depth": { type: "int", min: 3, max: 5 } } })).toBeDefined();
  });

  it("checks every value of a long range, not its ends only", () => {
    const sizes = { type: "int", min: 32, max: 2048, step: 16 };
    const message = refusal({ ...minimal, model: { depth: 6 }, parameters: { "model.inputSize": sizes } });
    expect(message).toContain('48 is not divisible by 32 (2^(depth-1) at depth 6); use 32 or 64 (with {"model.inputSize":48})');
    expect(message).toContain("and 51 more");
    expect(parseSweepFile({ ...minimal, model: { depth: 5 }, parameters: { "model.inputSize": sizes } })).toBeDefined();
    const pair = { "model.inputSize": { ...sizes, step: 32 }, "model.depth": { type: "int", min: 2, max: 7 } };
    expect(refusal({ ...minimal, parameters: pair })).toContain('(with {"model.inputSize":32,"model.depth":7})');
    expect(parseSweepFile({ ...minimal, parameters: { ...pair, "model.depth": { type: "int", min: 2, max: 6 } } })).toBeDefined();
  });

  it("checks filters and momentum at the values that collide", () => {
    const filters = {
      "model.baseFilters": { type: "int", min: 8, max: 512 },
      "model.maxFilters": { type: "categorical", values: [480, 1024] },
    };
    expect(refusal({ ...minimal, parameters: filters })).toContain("model.baseFilters: 512 is above model.maxFilters 480");
    expect(
      parseSweepFile({ ...minimal, parameters: { ...filters, "model.baseFilters": { type: "int", min: 8, max: 480 } } }),
    ).toBeDefined();
    const momentum = { "train.optimizer.momentum": { type: "categorical", values: [0.9, 0] } };
    expect(refusal({ ...minimal, parameters: momentum })).toContain("nesterov needs a momentum above 0");
    expect(parseSweepFile({ ...minimal, train: { optimizer: { nesterov: false } }, parameters: momentum })).toBeDefined();
    const both = { ...momentum, "train.optimizer.nesterov": { type: "categorical", values: [false, true] } };
    expect(refusal({ ...minimal, parameters: both })).toContain("nesterov needs a momentum above 0");
  });

  it("refuses fractions for a setting that takes whole numbers, also when the ends are whole", () => {
    expect(refusal({ ...minimal, parameters: { "model.depth": { type: "float", min: 2, max: 4 } } })).toContain("model.depth");
    expect(refusal({ ...minimal, parameters: { "model.depth": { type: "float", min: 2, max: 4, step: 0.5 } } })).toContain("2.5");
    expect(parseSweepFile({ ...minimal, parameters: { "model.depth": { type: "float", min: 2, max: 4, step: 1 } } })).toBeDefined();
  });

  it("lets every setting be a parameter", () => {
    const spec = parseSweepFile(minimal);
    for (const path of parameterPaths(spec)) {
      const value = path.split(".").reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], spec);
      expect(parseSweepFile({ ...minimal, parameters: { [path]: { type: "categorical", values: [value] } } }), path).toBeDefined();
    }
  });

  it("looks at long lists of many settings one by one, not at their combinations", () => {
    const list = (count: number, value: (i: number) => number) => ({
      type: "categorical",
      values: Array.from({ length: count }, (_, i) => value(i)),
    });
    const looked = vi.spyOn(Math, "floor");
    const parameters = {
      "model.depth": list(7, (i) => i + 2),
      "model.inputSize": list(1000, (i) => 128 + i),
      "model.baseFilters": list(480, (i) => i + 1),
      "model.maxFilters": list(1000, (i) => 480 + i),
      "train.optimizer.momentum": list(1000, (i) => i / 1001),
      "train.optimizer.nesterov": { type: "categorical", values: [true, false] },
      "train.seed": { type: "int", min: 0, max: 4_000_000_000 },
    };
    const message = refusal({ ...minimal, parameters });
    // One division a refused pair of size and depth, and a few more: their combinations with the rest would be 10^15.
    expect(looked.mock.calls.length).toBeLessThan(7 * 1000 + 100);
    looked.mockRestore();
    expect(message.split("\n").length).toBeLessThan(20);
    expect(message).toContain("129 is not divisible by 2");
  });

  it("refuses a value the setting does not take", () => {
    expect(refusal({ ...minimal, parameters: { "model.depth": { type: "categorical", values: [4, 4.5] } } })).toContain("model.depth");
    expect(refusal({ ...minimal, parameters: { "model.heads": { type: "categorical", values: ["both", "neither"] } } })).toContain(
      "model.heads",
    );
  });

  it("puts a trial's parameters into the configuration without changing the sweep", () => {
    const spec = parseSweepFile(minimal);
    const config = applyParameters(spec, { "train.optimizer.learningRate": 0.05, "model.baseFilters": 16 });
    expect(config.train.optimizer.learningRate).toBe(0.05);
    expect(config.model.baseFilters).toBe(16);
    expect(spec.train.optimizer.learningRate).toBe(0.01);
  });

  it("takes the precision of the computation as a setting, also as a searched one; float32 unless it is named", () => {
    const spec = parseSweepFile({
      ...minimal,
      parameters: { "train.precision": { type: "categorical", values: ["float32", "bfloat16"] } },
    });
    expect(spec.train.precision).toBe("float32");
    expect(applyParameters(spec, { "train.precision": "bfloat16" }).train.precision).toBe("bfloat16");
    expect(refusal({ ...minimal, train: { precision: "float64" } })).toContain("train.precision");
  });
});
