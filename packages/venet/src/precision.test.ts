// The network in half precision: near its float32 self, trains, is saved to the bit, and survives what float16 cannot hold.
import { loadEngine, type Engine } from "@saphena/tf";
import { describe, expect, it } from "vitest";
import type { NetworkConfig, OptimizerConfig, TrainingConfig } from "./config.ts";
import { createNetwork, type Network } from "./network.ts";
import type { TensorRecord } from "./state.ts";
import { engine, expectNothingLeft, randomBatch, smallConfig, training } from "./test-network.case.ts";

type Precision = NonNullable<TrainingConfig["precision"]>;
const ADAMW: OptimizerConfig = { type: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 0.5 };
const SGD = training().optimizer;

const networkIn = (precision: Precision, change: { optimizer?: OptimizerConfig; config?: Partial<NetworkConfig>; seed?: number } = {}) =>
  createNetwork(engine, smallConfig(change.config), { ...training(), optimizer: change.optimizer ?? SGD, precision }, change.seed ?? 1);

/** Uses the network and disposes it. */
function use<T>(network: Network, what: (network: Network) => T): T {
  const result = what(network);
  network.dispose();
  return result;
}

const norm = (values: Iterable<number>): number => Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0));
const flat = (gradients: ReadonlyMap<string, TensorRecord>): Float32Array =>
  Float32Array.from([...gradients.values()].flatMap(({ data }) => [...data]));
const valuesOf = (network: Network): Map<string, number[]> =>
  new Map([...network.exportState()].map(([name, { data }]) => [name, [...data]]));
const scaleOf = (network: Network): number[] =>
  ["scale", "goodSteps"].map((name) => network.exportState().get(`lossScale.${name}`)!.data[0]!);

describe.each([
  { precision: "bfloat16", lossTolerance: 0.02, gradientTolerance: 0.3 },
  { precision: "float16", lossTolerance: 0.002, gradientTolerance: 0.2 },
] as const)("in $precision", ({ precision, lossTolerance, gradientTolerance }) => {
  // PyTorch's autocast strays from its float32 as far as this: numbers near 0 change their sign by rounding, and with it the slope of the LeakyReLU.
  it("losses and gradients are those of float32 but for rounding, and gradients are float32", () => {
    const batch = randomBatch(smallConfig(), 8);
    const [half, full] = [precision, "float32" as const].map((one) => use(networkIn(one), (network) => network.gradients(batch)));
    for (const key of ["total", "classification", "segmentation"] as const)
      expect(Math.abs(half!.losses[key]! / full!.losses[key]! - 1)).toBeLessThan(lossTolerance);
    expect([...half!.gradients.keys()]).toEqual([...full!.gradients.keys()]);
    const [ours, theirs] = [flat(half!.gradients), flat(full!.gradients)];
    const distance = norm(ours.map((value, index) => value - theirs[index]!)) / norm(theirs);
    expect(distance).toBeLessThan(gradientTolerance);
    expect(distance).toBeGreaterThan(1e-5); // else nothing was rounded
    expect(norm(ours) / norm(theirs)).toBeCloseTo(1, 1);
  });

  it.each([
    ["SGD", SGD, 0.05],
    ["AdamW with clipping", ADAMW, 0.02],
  ])("%s lowers the loss of a batch as far as in float32", (_, optimizer, rate) => {
    const batch = randomBatch(smallConfig(), 4);
    const [half, full] = [precision, "float32" as const].map((one) =>
      use(networkIn(one, { optimizer }), (network) => Array.from({ length: 40 }, () => network.trainStep(batch, rate).total)),
    );
    expect(half!.at(-1)).toBeLessThan(0.4 * half![0]!);
    expect(half!.at(-1)).toBeLessThan(full!.at(-1)! + 0.1 * full![0]!);
  });

  it.each([
    ["SGD", SGD],
    ["AdamW", ADAMW],
  ])("goes on from an exported state as if it had never stopped, to the last bit (%s)", (_, optimizer) => {
    const step = (network: Network, index: number) => network.trainStep(randomBatch(network.config, 4, index), 0.01);
    const unbroken = networkIn(precision, { optimizer });
    for (const index of [0, 1, 2]) step(unbroken, index);
    const resumed = networkIn(precision, { optimizer, seed: 99 });
    resumed.importState(unbroken.exportState());
    for (const index of [3, 4]) expect(step(resumed, index)).toEqual(step(unbroken, index));
    expect(valuesOf(resumed)).toEqual(valuesOf(unbroken));
    for (const network of [unbroken, resumed]) network.dispose();
  });

  it("keeps weights that half precision does not have, so that small steps are not lost", () =>
    use(networkIn(precision), (network) => {
      network.trainStep(randomBatch(network.config, 4), 1e-5);
      const kernel = network.exportState().get("model.encoder.0.0.kernel")!.data;
      const lowBits = precision === "bfloat16" ? 0xffff : 0x1fff; // what the type drops of a float32
      const dropped = [...new Uint32Array(kernel.slice().buffer)].filter((bits) => (bits & lowBits) !== 0);
      expect(dropped.length).toBeGreaterThan(kernel.length / 2);
    }));

  it("predicts probabilities that sum to 1 in float32, near those of float32", () => {
    const { images } = randomBatch(smallConfig(), 3);
    const [half, full] = [precision, "float32" as const].map((one) => use(networkIn(one), (network) => network.predict(images, 3)));
    for (const key of ["probabilities", "maskProbabilities"] as const) {
      const width = key === "probabilities" ? 3 : 2;
      half![key]!.forEach((value, index) => expect(Math.abs(value - full![key]![index]!)).toBeLessThan(0.05));
      for (let row = 0; row < half![key]!.length; row += width)
        expect(half![key]!.subarray(row, row + width).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    }
  });

  it("leaves nothing behind", () => expectNothingLeft(() => networkIn(precision, { optimizer: ADAMW })));

  it.each([
    ["classification only", { heads: "classification", maskClasses: 0 }],
    ["segmentation only", { heads: "segmentation", classes: 0 }],
    ["depth 4 on grey images", { depth: 4, channels: 1 }],
  ] as const)("trains a network for %s", (_, config) =>
    use(networkIn(precision, { config }), (network) => {
      expect(network.trainStep(randomBatch(network.config, 2), 0.01).overflow).toBeUndefined();
    }),
  );
});

describe("a step that overflows float16", () => {
  /** Its pixels are beyond 65504, so its activations are infinite in float16, and its losses are not numbers. */
  const tooLarge = (config: NetworkConfig) => {
    const batch = randomBatch(config, 4, 7);
    return { ...batch, images: batch.images.map((value) => value * 1e6) };
  };

  it("is skipped: it changes the loss scale and nothing else", () =>
    use(networkIn("float16", { optimizer: ADAMW }), (network) => {
      network.trainStep(randomBatch(network.config, 4), 0.01);
      expect(scaleOf(network)).toEqual([65536, 1]);
      const others = (): [string, number[]][] => [...valuesOf(network)].filter(([name]) => !name.startsWith("lossScale."));
      const before = others();
      const result = network.trainStep(tooLarge(network.config), 0.01);
      expect(result.overflow).toEqual({ lossScale: 65536, nextLossScale: 32768 });
      expect(result.total).toBeNaN();
      expect(scaleOf(network)).toEqual([32768, 0]);
      expect(others()).toEqual(before);
      expect(network.trainStep(randomBatch(network.config, 4), 0.01)).not.toHaveProperty("overflow");
    }));

  it("ends in a scale that cannot be lowered, when every step does", () =>
    use(networkIn("float16"), (network) => {
      const scales = Array.from({ length: 17 }, () => network.trainStep(tooLarge(network.config), 0.01).overflow!.nextLossScale);
      expect(scales.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, index) => 2 ** (15 - index)));
      expect(scales[16]).toBeNull();
    }));

  it("does not exist in bfloat16, which has the range of float32", () =>
    use(networkIn("bfloat16"), (network) => {
      const result = network.trainStep(tooLarge(network.config), 0.01);
      expect(result).not.toHaveProperty("overflow");
      expect(result.total).toBeLessThan(100);
    }));
});

describe("the loss scale", () => {
  const withScale = (state: Map<string, TensorRecord>, scale: number) =>
    new Map([...state, ["lossScale.scale", { shape: [], data: Float32Array.of(scale) }]]);

  it("changes no gradient but for what float16 would lose: a power of two is divided out exactly", () => {
    const batch = randomBatch(smallConfig(), 4);
    const gradientsAt = (scale: number) =>
      use(networkIn("float16"), (network) => {
        network.importState(withScale(network.exportState(), scale));
        return flat(network.gradients(batch).gradients);
      });
    const [low, high] = [gradientsAt(256), gradientsAt(1024)];
    expect(norm(low.map((value, index) => value - high[index]!)) / norm(high)).toBeLessThan(1e-3);
  });

  it("is clipped apart: the norm is that of the gradients without it", () => {
    const batch = randomBatch(smallConfig(), 4);
    const optimizer = { type: "sgd", momentum: 0, nesterov: false, weightDecay: 0, clipNorm: 0.01 } as const;
    use(networkIn("float16", { optimizer }), (network) => {
      const parameters = (): Float32Array => flat(new Map([...network.exportState()].filter(([name]) => isParameter(name))));
      const before = parameters();
      network.trainStep(batch, 1);
      const moved = parameters().map((value, index) => value - before[index]!);
      expect(norm(moved)).toBeCloseTo(0.01, 4);
    });
  });

  it("belongs to float16 alone: a state of another precision is refused", () => {
    const state = use(networkIn("float16"), (network) => network.exportState());
    for (const precision of ["float32", "bfloat16"] as const)
      use(networkIn(precision), (network) => {
        expect([...network.exportState().keys()].some((name) => name.startsWith("lossScale"))).toBe(false);
        expect(() => network.importState(state)).toThrow(expect.objectContaining({ code: "CHECKPOINT_INVALID" }) as Error);
      });
  });
});

const isParameter = (name: string): boolean => name.startsWith("model.") && !/norm\.(mean|variance)$/.test(name);

it("an engine without half precision refuses it before anything is made", async () => {
  const wasm: Engine = await loadEngine({ threads: 1, engine: "wasm" });
  const before = wasm.memory().tensors;
  for (const precision of ["bfloat16", "float16"] as const)
    expect(() => createNetwork(wasm, smallConfig(), { ...training(), precision }, 1)).toThrow(
      expect.objectContaining({
        code: "PRECISION_UNSUPPORTED",
        message: `the engine cannot compute in this precision: tensorflow-wasm computes in float32 only, not in ${precision}`,
      }) as Error,
    );
  expect(wasm.memory().tensors).toBe(before);
});
