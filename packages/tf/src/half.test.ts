// Half precision: what is rounded and what is not, and every operation of a network in it against the same in float32.
import { describe, expect, it } from "vitest";
import { halfSupportOf } from "./element-type.ts";
import {
  add,
  batchNormInference,
  biasAdd,
  biasGradient,
  cast,
  converted,
  convolution,
  convolutionInputGradient,
  convolutionKernelGradient,
  joinBiased,
  joinBiasedGradient,
  loadEngine,
  normActivation,
  normActivationGradient,
  padTopLeft,
  slice,
  type HalfType,
  type Tensor,
} from "./index.ts";

const engine = await loadEngine({ threads: 1, engine: "native" });

const HALVES: { type: HalfType; ulp: number }[] = [
  { type: "bfloat16", ulp: 2 ** -8 },
  { type: "float16", ulp: 2 ** -11 },
];

const values = (shape: readonly number[], seed: number): Float32Array =>
  Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    (_, index) => Math.sin(seed + 12.9898 * index) + 0.3 * Math.cos(seed * index),
  );

/** What becomes of numbers that are rounded to `type`. */
const rounded = (type: HalfType, ...numbers: number[]): number[] =>
  engine.tidy(() => [
    ...engine.read(cast(engine, cast(engine, engine.tensor(Float32Array.from(numbers), [numbers.length]), type), "float32")),
  ]);

describe("a cast", () => {
  it("rounds to the nearest number that the type has, ties to even, and keeps what it has", () => {
    expect(rounded("bfloat16", 1, -0.5, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -7, 2 ** -126)).toEqual([
      1,
      -0.5,
      1,
      1 + 2 ** -6,
      1 + 2 ** -7,
      2 ** -126,
    ]);
    expect(rounded("float16", 1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65504, 2 ** -24)).toEqual([1, 1, 1 + 2 ** -9, 65504, 2 ** -24]);
  });

  it("to float16 overflows above 65504 and underflows below 6e-8, where bfloat16 does neither", () => {
    expect(rounded("float16", 65520, -1e6, 1e-8)).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]);
    rounded("bfloat16", 65520, -1e6, 1e-8).forEach((value, index) => expect(value / [65520, -1e6, 1e-8][index]!).toBeCloseTo(1, 2));
  });

  it("of what has the type already is the tensor itself in `converted`, and else its input is disposed", () => {
    engine.tidy(() => {
      const wide = engine.tensor(Float32Array.of(1, 2), [2]);
      expect(converted(engine, wide, "float32")).toBe(wide);
      const narrow = converted(engine, wide, "bfloat16");
      expect(narrow).toMatchObject({ half: "bfloat16", shape: [2] });
      expect(wide.isDisposed).toBe(true);
      expect(converted(engine, narrow, "bfloat16")).toBe(narrow);
    });
  });
});

describe("a half tensor", () => {
  it("cannot be read, because its 16 bits are no float32", () =>
    engine.tidy(() => {
      const narrow = cast(engine, engine.tensor(Float32Array.of(1), [1]), "float16");
      expect(() => engine.read(narrow)).toThrow(expect.objectContaining({ code: "INTERNAL" }) as Error);
    }));

  it("is counted and freed as others are", () => {
    const before = engine.memory();
    const narrow = engine.tidy(() => cast(engine, engine.tensor(Float32Array.of(1, 2), [2]), "bfloat16"));
    expect(engine.memory().tensors).toBe(before.tensors + 1);
    narrow.dispose();
    expect(engine.memory()).toMatchObject({ tensors: before.tensors, tensorBytes: before.tensorBytes });
  });
});

const IMAGE = [2, 6, 6, 8];
const KERNEL = [3, 3, 8, 5];
const NORM = { epsilon: 1e-5, momentum: 0.1, slope: 0.01 };
const SAME = { stride: 1, padding: "SAME" } as const;
const STRIDED = { stride: 2, padding: "VALID" } as const;

/** Float32 tensors that a normalisation of `channels` takes. */
const normParameters = (channels: number) => {
  const of = (seed: number, shift: number): Tensor =>
    engine.tensor(
      values([channels], seed).map((value) => value + shift),
      [channels],
    );
  return { scale: of(1, 2), offset: of(2, 0), mean: of(3, 0), variance: of(4, 2) };
};

/** Each takes a maker of tensors of one type, and gives the results of an operation. */
type Make = (shape: readonly number[], seed: number) => Tensor;
const OPERATIONS: Record<string, (make: Make) => Tensor[]> = {
  "convolution of a block": (make) => [convolution(engine, make(IMAGE, 1), make(KERNEL, 2), SAME)],
  "convolution of three channels": (make) => [convolution(engine, make([2, 6, 6, 3], 1), make([3, 3, 3, 5], 2), SAME)],
  "convolution of stride 2": (make) => [convolution(engine, make([2, 7, 7, 8], 1), make(KERNEL, 2), STRIDED)],
  "convolution of one pixel": (make) => [convolution(engine, make(IMAGE, 1), make([1, 1, 8, 2], 2), { stride: 1, padding: "VALID" })],
  "input gradient": (make) => [convolutionInputGradient(engine, IMAGE, make(KERNEL, 2), make([2, 6, 6, 5], 3), SAME)],
  "input gradient of stride 2": (make) => [convolutionInputGradient(engine, [2, 7, 7, 8], make(KERNEL, 2), make([2, 3, 3, 5], 3), STRIDED)],
  "kernel gradient": (make) => [convolutionKernelGradient(engine, make(IMAGE, 1), KERNEL, make([2, 6, 6, 5], 3), SAME)],
  "kernel gradient of stride 2": (make) => [
    convolutionKernelGradient(engine, make([2, 7, 7, 8], 1), KERNEL, make([2, 3, 3, 5], 3), STRIDED),
  ],
  "normalisation and activation": (make) => {
    const { output, runningMean, runningVariance } = normActivation(engine, make(IMAGE, 1), normParameters(8), NORM);
    return [output, runningMean, runningVariance];
  },
  "gradient of normalisation and activation": (make) => {
    const [x, parameters] = [make(IMAGE, 1), normParameters(8)];
    const forward = normActivation(engine, x, parameters, NORM);
    return Object.values(normActivationGradient(engine, make(IMAGE, 5), x, parameters, forward, NORM));
  },
  "normalisation by running averages": (make) => {
    const { scale, offset, mean, variance } = normParameters(8);
    return [batchNormInference(engine, make(IMAGE, 1), scale, offset, mean, variance, NORM.epsilon)];
  },
  bias: (make) => [biasAdd(engine, make(IMAGE, 1), make([8], 2)), biasGradient(engine, make(IMAGE, 3))],
  join: (make) => [joinBiased(engine, make(IMAGE, 1), make([8], 2), make([2, 6, 6, 3], 3))],
  "gradient of the join": (make) => Object.values(joinBiasedGradient(engine, make([2, 6, 6, 11], 1), make([8], 2))),
  "padding, slice and sum": (make) => [
    padTopLeft(engine, make(IMAGE, 1)),
    slice(engine, make(IMAGE, 1), [0, 1, 1, 0], [-1, -1, -1, -1]),
    add(engine, make(IMAGE, 1), make(IMAGE, 2)),
  ],
};

describe.each(HALVES)("in $type, as in float32 within its rounding:", ({ type, ulp }) => {
  // Both begin with the same rounded numbers, so they differ by the rounding of results, of what is between two kernels, and, for float16
  // on a CPU, of the sums inside its kernels: 72 products here.
  const narrow: Make = (shape, seed) => cast(engine, engine.tensor(values(shape, seed), shape), type);
  const wide: Make = (shape, seed) => cast(engine, narrow(shape, seed), "float32");

  it.each(Object.entries(OPERATIONS))("%s", (_, operation) =>
    engine.tidy(() => {
      const [ours, theirs] = [operation(narrow), operation(wide)];
      expect(ours.length).toBe(theirs.length);
      ours.forEach((result, index) => {
        expect(result.shape).toEqual(theirs[index]!.shape);
        const [actual, expected] = [engine.read(cast(engine, result, "float32")), engine.read(theirs[index]!)];
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expect(largest).toBeGreaterThan(0);
        const worst = actual.reduce((most, value, at) => Math.max(most, Math.abs(value - expected[at]!)), 0);
        expect(worst / largest, `result ${index}`).toBeLessThan(8 * ulp);
      });
    }),
  );

  it("results are of that type, and statistics of a normalisation are float32", () =>
    engine.tidy(() => {
      expect(convolution(engine, narrow(IMAGE, 1), narrow(KERNEL, 2), SAME).half).toBe(type);
      const forward = normActivation(engine, narrow(IMAGE, 1), normParameters(8), NORM);
      expect(forward.output.half).toBe(type);
      expect([forward.runningMean.half, forward.runningVariance.half]).toEqual([undefined, undefined]);
    }));
});

describe("what half precision is worth", () => {
  it.each([
    [{ usesGpu: true, instructionSet: "avx2" }, "gains", "gains"],
    [{ usesGpu: false, instructionSet: "amx_tile" }, "gains", "slow"],
    [{ usesGpu: false, instructionSet: "avx512_bf16" }, "gains", "slow"],
    [{ usesGpu: false, instructionSet: "avx512f" }, "slow", "slow"],
    [{ usesGpu: false, instructionSet: "asimd" }, "slow", "slow"],
  ])("on %j is %s for bfloat16, %s for float16", (device, bfloat16, float16) => {
    expect(halfSupportOf(device)).toEqual({ bfloat16, float16 });
  });

  it("on WASM is nothing: it has no such type", async () => {
    expect((await loadEngine({ threads: 1, engine: "wasm" })).half).toEqual({ bfloat16: "none", float16: "none" });
  });
});
