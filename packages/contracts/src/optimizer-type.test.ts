// The recipe's settings in a sweep file: the two optimizers with settings of their own, class weights, clipping.
import { describe, expect, it } from "vitest";
import { SaphenaError } from "./errors.ts";
import { OPTIMIZER_TYPES } from "./optimizer-type.ts";
import { applyParameters, assertClassWeightsFit, parameterPaths, parseSweepFile } from "./sweep-rules.ts";
import type { SweepFile } from "./sweep-file.ts";

const minimal = { name: "tones", dataset: "tones", budget: { trials: 3 } };
const specOf = (train: SweepFile["train"], parameters: SweepFile["parameters"] = {}) => parseSweepFile({ ...minimal, train, parameters });
const refusal = (train: unknown, parameters: unknown = {}): string => {
  try {
    parseSweepFile({ ...minimal, train, parameters });
  } catch (error) {
    if (error instanceof SaphenaError && error.code === "SWEEP_FILE_INVALID")
      return error.message.replace("the sweep file is not valid: ", "");
    throw error;
  }
  throw new Error("the file was accepted");
};
const choice = (...values: (string | number)[]) => ({ type: "categorical" as const, values });

describe("adamw", () => {
  it("has PyTorch's defaults", () => {
    expect(specOf({ optimizer: { type: "adamw" } }).train.optimizer).toEqual({
      type: "adamw",
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      schedule: "poly",
      warmupEpochs: 0,
      minLearningRateShare: 0,
      clipNorm: "none",
    });
  });

  it.each([
    [{ type: "adamw", momentum: 0.9 }, "train.optimizer.momentum is a setting of type sgd alone"],
    [{ beta1: 0.9 }, "train.optimizer.beta1 is a setting of type adamw alone"],
    [{ type: "adamw", betta1: 0.9 }, "train.optimizer.betta1 is not a known key; did you mean beta1?"],
    [{ type: "adam" }, 'train.optimizer.type: got "adam"; expected one of "sgd", "adamw"'],
  ])("and sgd refuse what is not theirs: %j", (optimizer, message) => {
    expect(refusal({ optimizer })).toBe(message);
  });

  it("lets each of its settings be a parameter", () => {
    const spec = specOf({ optimizer: { type: "adamw" } });
    for (const path of parameterPaths(spec)) {
      const value = path.split(".").reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], spec) as string;
      expect(specOf({ optimizer: { type: "adamw" } }, { [path]: choice(value) }), path).toBeDefined();
    }
    expect(parameterPaths(spec)).toContain("train.optimizer.beta1");
    expect(refusal({ optimizer: { type: "adamw" } }, { "train.optimizer.beta1": choice(0.9, 1) })).toContain(
      "train.optimizer.beta1: got 1;",
    );
    expect(refusal({}, { "train.optimizer.beta1": choice(0.9) })).toBe(
      "parameters.train.optimizer.beta1 is a setting of train.optimizer.type adamw alone",
    );
  });
});

describe("a searched optimizer type", () => {
  const types = { "train.optimizer.type": choice(...OPTIMIZER_TYPES) };

  it("brings each type's own defaults, and keeps what the file says otherwise", () => {
    const spec = specOf({ optimizer: { schedule: "cosine", momentum: 0.9, clipNorm: 12 } }, types);
    expect(applyParameters(spec, { "train.optimizer.type": "sgd" }).train.optimizer).toEqual(spec.train.optimizer);
    expect(applyParameters(spec, { "train.optimizer.type": "adamw" }).train.optimizer).toEqual(
      specOf({ optimizer: { type: "adamw", schedule: "cosine", clipNorm: 12 } }).train.optimizer,
    );
    const back = { "train.optimizer.type": "sgd", "train.optimizer.momentum": 0.5 };
    expect(applyParameters(specOf({ optimizer: { type: "adamw", weightDecay: 0.1 } }), back).train.optimizer).toEqual(
      specOf({ optimizer: { momentum: 0.5, weightDecay: 0.1 } }).train.optimizer,
    );
  });

  it("goes with parameters that both types have, and with no other", () => {
    const rate = { type: "float" as const, min: 1e-4, max: 0.1, log: true };
    expect(specOf({}, { ...types, "train.optimizer.learningRate": rate, "train.optimizer.clipNorm": choice("none", 12) })).toBeDefined();
    for (const [path, owner] of [
      ["momentum", "sgd"],
      ["beta2", "adamw"],
    ]) {
      const message = `parameters.train.optimizer.${path} is a setting of train.optimizer.type ${owner} alone`;
      expect(refusal({}, { ...types, [`train.optimizer.${path}`]: choice(0.5) })).toBe(message);
    }
  });

  it("is checked for every type: nesterov without momentum in the file is refused still", () => {
    expect(refusal({ optimizer: { momentum: 0 } }, types)).toBe("train.optimizer.nesterov needs a momentum above 0; set nesterov to false");
    expect(refusal({}, { "train.optimizer.type": choice("sgd", "lion") })).toContain('got "lion"; expected one of "sgd", "adamw"');
  });
});

describe("other settings of the recipe", () => {
  it.each([
    [{ optimizer: { clipNorm: 0 } }, "train.optimizer.clipNorm: got 0; Too small: expected number to be >0"],
    [{ optimizer: { clipNorm: "off" } }, 'train.optimizer.clipNorm: got "off"; expected "none" or expected number'],
    [{ loss: { classWeights: "even" } }, 'train.loss.classWeights: got "even"; expected one of "none"|"balanced" or expected array'],
    [{ loss: { classWeights: [1, -1] } }, "train.loss.classWeights.1: got -1; Too small: expected number to be >=0"],
    [{ sampling: "weighted" }, 'train.sampling: got "weighted"; expected one of "shuffle"|"balanced"'],
    [{ epochs: 5, optimizer: { warmupEpochs: 5 } }, "train.optimizer.warmupEpochs: 5 is not below train.epochs 5"],
  ])("are refused with what they take: %j", (train, message) => {
    expect(refusal(train)).toBe(message);
  });

  it("keep the warm-up below the epochs in every combination", () => {
    const epochs = { "train.epochs": { type: "int", min: 5, max: 20 } };
    const warmup = (max: number) => ({ "train.optimizer.warmupEpochs": { type: "float", min: 0, max } });
    expect(refusal({}, { ...epochs, ...warmup(5) })).toContain('(with {"train.epochs":5,"train.optimizer.warmupEpochs":5})');
    expect(parseSweepFile({ ...minimal, parameters: { ...epochs, ...warmup(4.5) } })).toBeDefined();
  });

  it("have class weights as a list that a trial may replace by a word, and that must be one number a label", () => {
    const spec = specOf({ loss: { classWeights: [1, 2.5, 4] } });
    expect(parameterPaths(spec)).toContain("train.loss.classWeights");
    expect(applyParameters(spec, { "train.loss.classWeights": "balanced" }).train.loss.classWeights).toBe("balanced");
    expect(applyParameters(spec, { "train.loss.classWeights": [1, 2] }).train.loss.classWeights).toEqual([1, 2]);
    expect(() => assertClassWeightsFit(spec.train, ["a", "b", "c"])).not.toThrow();
    expect(() => assertClassWeightsFit(specOf({}).train, ["a", "b"])).not.toThrow();
    expect(() => assertClassWeightsFit(spec.train, ["a", "b"])).toThrow(
      "train.loss.classWeights: 3 weights were given, and the dataset has 2 labels: a, b",
    );
  });
});
