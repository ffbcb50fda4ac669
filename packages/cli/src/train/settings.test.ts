import { parseSweepFile } from "@saphena/contracts";
import { describe, expect, it } from "vitest";
import { configOf, parseSettings } from "./settings.ts";

describe("--set", () => {
  it("reads numbers, booleans and lists of numbers, and keeps the rest as text", () => {
    expect(parseSettings(["a=1e-3", "b=true", "c=fit", "d=x=y"])).toEqual({ a: 0.001, b: true, c: "fit", d: "x=y" });
    expect(parseSettings(["a=[1, 2.5]", "b=[1,x]", "c=[]"])).toEqual({ a: [1, 2.5], b: "[1,x]", c: "[]" });
    expect(() => parseSettings(["learningRate"])).toThrow("path=value");
  });

  it("changes the configuration by the rules of a trial's parameters", () => {
    const spec = parseSweepFile({ name: "a", dataset: "a", budget: { trials: 1 } });
    expect(configOf(spec, ["train.optimizer.learningRate=0.02"]).train.optimizer.learningRate).toBe(0.02);
    const { train } = configOf(spec, ["train.optimizer.type=adamw", "train.optimizer.beta1=0.8", "train.loss.classWeights=[1,2,3]"]);
    expect(train.optimizer).toMatchObject({ type: "adamw", learningRate: 0.001, beta1: 0.8 });
    expect(train.loss.classWeights).toEqual([1, 2, 3]);
    expect(() => configOf(spec, ["train.optimizer.beta1=0.8"])).toThrow(
      "--set: train.optimizer.beta1 is a setting of train.optimizer.type adamw alone",
    );
    expect(() => configOf(spec, ["train.learningRate=1"])).toThrow(
      "--set: train.learningRate does not name a setting of model or train; did you mean train.optimizer.learningRate?",
    );
    expect(() => configOf(spec, ["model.inputSize=100"])).toThrow("not divisible by 16");
  });
});
