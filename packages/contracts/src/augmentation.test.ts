import { describe, expect, it } from "vitest";
import { SaphenaError, applyParameters, parameterPaths, parseSweepFile, resolveAugmentation } from "./index.ts";
import type { AugmentationSettings } from "./index.ts";

const file = (augment: unknown, parameters: object = {}): object => ({
  name: "tones",
  dataset: "tones",
  train: { augment },
  parameters,
  budget: { trials: 3 },
});
const refusal = (input: unknown): string => {
  try {
    parseSweepFile(input);
  } catch (error) {
    if (error instanceof SaphenaError) return error.message;
    throw error;
  }
  throw new Error("the file was accepted");
};
const settingsOf = (augment: unknown): AugmentationSettings => resolveAugmentation(parseSweepFile(file(augment)).train.augment);
const inForce = (settings: AugmentationSettings): string[] =>
  Object.entries(settings).flatMap(([name, { enabled }]) => (enabled ? [name] : []));

describe("the augmentation of a sweep file", () => {
  it("is nnU-Net's for 2-D images by default, with its numbers", () => {
    expect(settingsOf(undefined)).toEqual({
      mirror: { enabled: true, probability: 0.5, horizontal: true, vertical: true },
      rotation: { enabled: true, probability: 0.2, maxDegrees: 180 },
      scaling: { enabled: true, probability: 0.2, minFactor: 0.7, maxFactor: 1.4 },
      gaussianNoise: { enabled: true, probability: 0.1, maxSd: 0.1 },
      gaussianBlur: { enabled: true, probability: 0.2, channelProbability: 0.5, minSigmaPixels: 0.5, maxSigmaPixels: 1 },
      brightness: { enabled: true, probability: 0.15, minFactor: 0.75, maxFactor: 1.25 },
      contrast: { enabled: true, probability: 0.15, minFactor: 0.75, maxFactor: 1.25 },
      lowResolution: { enabled: true, probability: 0.25, channelProbability: 0.5, minZoom: 0.5, maxZoom: 1 },
      gamma: { enabled: true, probability: 0.3, invertedProbability: 0.1, minExponent: 0.7, maxExponent: 1.5 },
    });
    expect(parseSweepFile(file(undefined)).train.augment).toBe("default");
  });

  it("can be named, or differ from the default in what an object gives", () => {
    expect(inForce(settingsOf("mirror"))).toEqual(["mirror"]);
    expect(inForce(settingsOf("none"))).toEqual([]);
    expect(settingsOf({})).toEqual(settingsOf("default"));
    const own = settingsOf({ rotation: { maxDegrees: 30 }, gamma: { enabled: false } });
    expect(own.rotation).toEqual({ enabled: true, probability: 0.2, maxDegrees: 30 });
    expect(inForce(own)).not.toContain("gamma");
    expect(own.scaling).toEqual(settingsOf("default").scaling);
  });

  it("names the nearest key for one it does not know, however deep", () => {
    expect(refusal(file({ rotaton: {} }))).toContain("train.augment.rotaton is not a known key; did you mean rotation?");
    expect(refusal(file({ rotation: { maxDegree: 3 } }))).toContain(
      "train.augment.rotation.maxDegree is not a known key; did you mean maxDegrees?",
    );
  });

  it("refuses a value with its path and what would be right", () => {
    expect(refusal(file("defualt"))).toMatch(/train\.augment: got "defualt"; .*"default"\|"mirror"\|"none".* or .*an object such as/);
    expect(refusal(file({ gamma: false }))).toContain("train.augment.gamma: got false; expected an object such as { enabled: false }");
    expect(refusal(file({ gamma: { probability: 2 } }))).toMatch(/^.*train\.augment\.gamma\.probability: got 2; .*<=1/);
    expect(refusal(file({ scaling: { minFactor: 1.5 } }))).toContain(
      "train.augment.scaling.minFactor: 1.5 is above train.augment.scaling.maxFactor 1.4",
    );
  });

  it("can be searched by its name, and setting by setting once the file gives an object", () => {
    const named = parseSweepFile(file("default", { "train.augment": { type: "categorical", values: ["default", "mirror", "none"] } }));
    expect(applyParameters(named, { "train.augment": "mirror" }).train.augment).toBe("mirror");
    expect(refusal(file("default", { "train.augment": { type: "categorical", values: ["mirrored"] } }))).toContain('got "mirrored"');

    const parameters = {
      "train.augment.rotation.maxDegrees": { type: "float", min: 0, max: 180 },
      "train.augment.gamma.enabled": { type: "categorical", values: [true, false] },
    };
    const own = parseSweepFile(file({}, parameters));
    expect(parameterPaths(own)).toContain("train.augment.gaussianBlur.maxSigmaPixels");
    const applied = applyParameters(own, { "train.augment.rotation.maxDegrees": 12, "train.augment.gamma.enabled": false });
    expect(resolveAugmentation(applied.train.augment)).toMatchObject({ rotation: { maxDegrees: 12 }, gamma: { enabled: false } });
    expect(refusal(file("default", parameters))).toContain(
      "parameters.train.augment.rotation.maxDegrees: train.augment is a name here; write it as an object",
    );
    expect(refusal(file({}, { "train.augment.rotation.maxDegree": { type: "float", min: 0, max: 1 } }))).toContain(
      "did you mean train.augment.rotation.maxDegrees?",
    );
    expect(refusal(file({}, { "train.augment.rotation.maxDegrees": { type: "float", min: 0, max: 181 } }))).toContain("got 181");
  });

  it("refuses ranges that a search can turn around", () => {
    expect(refusal(file({}, { "train.augment.scaling.minFactor": { type: "float", min: 0.5, max: 1.6 } }))).toContain(
      'train.augment.scaling.minFactor: 1.6 is above train.augment.scaling.maxFactor 1.4 (with {"train.augment.scaling.minFactor":1.6})',
    );
    const spec = parseSweepFile(file({}));
    expect(() => applyParameters(spec, { "train.augment.gamma.maxExponent": 0.5 })).toThrow(
      "train.augment.gamma.minExponent: 0.7 is above train.augment.gamma.maxExponent 0.5",
    );
  });
});
