import { describe, expect, it } from "vitest";
import { SaphenaError } from "./errors.ts";
import { applyParameters, parseSweepFile } from "./sweep-rules.ts";

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
    });
    expect(spec.train).toMatchObject({
      seed: 1,
      epochs: 20,
      batchSize: 8,
      augment: "default",
      loss: { classWeight: 0.5, segmentationWeight: 1, deepSupervision: true },
    });
    expect(spec.cv).toEqual({ folds: 5, stratify: "label", groupBy: "group", seed: 12345, validationShare: 0.2 });
    expect(spec.resources).toEqual({ pool: "default", concurrency: 8, priority: 0, threads: 1 });
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
});
