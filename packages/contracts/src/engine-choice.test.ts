import { describe, expect, it } from "vitest";
import { chooseEngine, WASM_SLOWDOWN } from "./engine-choice.ts";

const present = { libraryFolder: "/cache/tensorflow", version: "2.21.0" };
const notSetUp = { missing: "the TensorFlow binding is not installed", platformSupported: true };
const noSuchPlatform = { missing: "there is no TensorFlow library for darwin-arm64", platformSupported: false };

describe("the choice of the engine", () => {
  it("is native TensorFlow where it is there", () => {
    expect(chooseEngine(undefined, present)).toEqual({ engine: "native" });
    expect(chooseEngine("native", present)).toEqual({ engine: "native" });
  });

  it("is WASM, and says why and how slow, where native TensorFlow does not exist", () => {
    const choice = chooseEngine(undefined, noSuchPlatform);
    expect(choice).toMatchObject({ engine: "wasm", notice: expect.stringContaining("no TensorFlow library for darwin-arm64") });
    expect(choice).toMatchObject({ notice: expect.stringContaining(`${WASM_SLOWDOWN} times slower`) });
  });

  it("is none, rather than a slow one in silence, where native TensorFlow only has to be set up", () => {
    expect(chooseEngine(undefined, notSetUp)).toEqual({ engine: "none", missing: notSetUp.missing });
  });

  it("is the one that is asked for, or none", () => {
    for (const native of [present, notSetUp, noSuchPlatform])
      expect(chooseEngine("wasm", native)).toMatchObject({ engine: "wasm", notice: expect.stringContaining("SAPHENA_ENGINE") });
    for (const native of [notSetUp, noSuchPlatform])
      expect(chooseEngine("native", native)).toEqual({ engine: "none", missing: native.missing });
  });
});
