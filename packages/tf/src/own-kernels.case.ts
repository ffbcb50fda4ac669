// Saphena's own kernels against the same mathematics written out in float64, on shapes drawn at random. Each test file that calls this
// is a process of its own, because the library reads its instruction set and its threads once.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applySgd,
  convolution,
  convolutionInputGradient,
  convolutionKernelGradient,
  createVariable,
  joinBiased,
  joinBiasedGradient,
  loadEngine,
  normActivation,
  normActivationGradient,
  withoutOwnKernels,
  type Engine,
  type Tensor,
} from "./index.ts";
import { supportsOwnKernels } from "./fingerprint.ts";

/** [batch, height, width, inputs, outputs]: odd sizes, sizes of both kinds of tile, channels that fill vectors and that do not. */
const shapes = fc.tuple(
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 1, max: 13 }),
  fc.integer({ min: 1, max: 13 }),
  fc.integer({ min: 8, max: 37 }),
  fc.integer({ min: 1, max: 70 }),
);
type Shape = [number, number, number, number, number];

const OPTIONS = { stride: 1, padding: "SAME" } as const;

/** Numbers of -1…1 that repeat nowhere near. */
function noise(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Calls `tap` for every product of a 3x3 convolution: the index of x, of the kernel, and of y. */
function forTaps([n, h, w, c, k]: Shape, tap: (x: number, kernel: number, y: number) => void): void {
  for (let image = 0; image < n; image++)
    for (let row = 0; row < h; row++)
      for (let column = 0; column < w; column++)
        for (let i = 0; i < 9; i++) {
          const [y, x] = [row + Math.floor(i / 3) - 1, column + (i % 3) - 1];
          if (y < 0 || x < 0 || y >= h || x >= w) continue;
          for (let input = 0; input < c; input++)
            for (let output = 0; output < k; output++)
              tap(((image * h + y) * w + x) * c + input, (i * c + input) * k + output, ((image * h + row) * w + column) * k + output);
        }
}

/**
 * Winograd's larger tiles round to some 1e-5 of what is added up in a tile (direct sums to some 1e-7), so an error is measured against
 * the largest sum of magnitudes; on 1,000 shapes the worst was 0.7e-5.
 */
const TOLERANCE = 2e-5;

function expectClose(actual: Float32Array, expected: Float64Array, magnitudes: Float64Array): void {
  const scale = magnitudes.reduce((largest, magnitude) => Math.max(largest, magnitude), 0);
  const worst = actual.reduce((most, value, index) => Math.max(most, Math.abs(value - (expected[index] as number))), 0);
  expect(worst / scale).toBeLessThan(TOLERANCE);
}

function convolutionTests(engine: Engine): void {
  const check = (
    shape: Shape,
    compute: (x: Tensor, kernel: Tensor, gradient: Tensor) => Tensor,
    expected: (x: Float32Array, kernel: Float32Array, gradient: Float32Array) => [Float64Array, Float64Array],
  ): void =>
    engine.tidy(() => {
      const [n, h, w, c, k] = shape;
      const [x, kernel, gradient] = [noise(n * h * w * c, 1), noise(9 * c * k, 2), noise(n * h * w * k, 3)];
      const result = compute(engine.tensor(x, [n, h, w, c]), engine.tensor(kernel, [3, 3, c, k]), engine.tensor(gradient, [n, h, w, k]));
      expectClose(engine.read(result), ...expected(x, kernel, gradient));
    });
  const sums = (size: number): [Float64Array, Float64Array] => [new Float64Array(size), new Float64Array(size)];
  const accumulate = ([total, magnitude]: [Float64Array, Float64Array], index: number, product: number): void => {
    (total[index] as number) += product;
    (magnitude[index] as number) += Math.abs(product);
  };

  it("convolution", () =>
    fc.assert(
      fc.property(shapes, (shape) =>
        check(
          shape,
          (x, kernel) => convolution(engine, x, kernel, OPTIONS),
          (x, kernel, gradient) => {
            const result = sums(gradient.length);
            forTaps(shape, (a, b, y) => accumulate(result, y, (x[a] as number) * (kernel[b] as number)));
            return result;
          },
        ),
      ),
      { numRuns: 30, seed: 1 },
    ));

  it("its gradient with respect to the input", () =>
    fc.assert(
      fc.property(shapes, (shape) =>
        check(
          shape,
          (x, kernel, gradient) => convolutionInputGradient(engine, x.shape, kernel, gradient, OPTIONS),
          (x, kernel, gradient) => {
            const result = sums(x.length);
            forTaps(shape, (a, b, y) => accumulate(result, a, (kernel[b] as number) * (gradient[y] as number)));
            return result;
          },
        ),
      ),
      { numRuns: 30, seed: 2 },
    ));

  it("its gradient with respect to the kernel", () =>
    fc.assert(
      fc.property(shapes, (shape) =>
        check(
          shape,
          (x, kernel, gradient) => convolutionKernelGradient(engine, x, kernel.shape, gradient, OPTIONS),
          (x, kernel, gradient) => {
            const result = sums(kernel.length);
            forTaps(shape, (a, b, y) => accumulate(result, b, (x[a] as number) * (gradient[y] as number)));
            return result;
          },
        ),
      ),
      { numRuns: 30, seed: 3 },
    ));
}

function normTests(engine: Engine): void {
  const options = { epsilon: 1e-5, momentum: 0.1, slope: 0.01 };
  it.each([
    ["few rows", 1, 3, 5],
    ["more rows than a block of sums", 2, 20, 19],
    ["full vectors", 4, 8, 48],
  ])("batch normalisation with LeakyReLU, and its gradient, equal TensorFlow's two kernels: %s", (_, n, side, channels) =>
    engine.tidy(() => {
      const plain = withoutOwnKernels(engine);
      const shape = [n, side, side, channels];
      const count = n * side * side * channels;
      const around = (centre: number, seed: number): Float32Array => noise(channels, seed).map((value) => centre + 0.5 * value);
      // The mean is far from 0: naive sums of squares would lose three digits here.
      const x = engine.tensor(
        noise(count, 1).map((value) => 40 + value),
        shape,
      );
      const gradient = engine.tensor(noise(count, 2), shape);
      const parameters = {
        scale: engine.tensor(around(1, 3), [channels]),
        offset: engine.tensor(around(0, 4), [channels]),
        mean: engine.tensor(around(0, 5), [channels]),
        variance: engine.tensor(around(1, 6), [channels]),
      };
      const own = normActivation(engine, x, parameters, options);
      const theirs = normActivation(plain, x, parameters, options);
      const ownGradient = normActivationGradient(engine, gradient, x, parameters, own, options);
      const theirGradient = normActivationGradient(plain, gradient, x, parameters, theirs, options);
      const pairs: [string, Tensor, Tensor, number][] = [
        ["output", own.output, theirs.output, 1e-4],
        ["running mean", own.runningMean, theirs.runningMean, 1e-5],
        ["running variance", own.runningVariance, theirs.runningVariance, 1e-4],
        ["gradient of x", ownGradient.x, theirGradient.x, 1e-3],
        ["gradient of scale", ownGradient.scale, theirGradient.scale, 1e-3],
        ["gradient of offset", ownGradient.offset, theirGradient.offset, 1e-4],
      ];
      for (const [name, a, b, tolerance] of pairs) {
        const [actual, expected] = [engine.read(a), engine.read(b)];
        const worst = actual.reduce((most, value, index) => Math.max(most, Math.abs(value - (expected[index] as number))), 0);
        const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expect(worst / scale, name).toBeLessThan(tolerance);
      }
    }),
  );
}

function joinTests(engine: Engine): void {
  it("bias and join, and their gradients, equal TensorFlow's kernels", () =>
    engine.tidy(() => {
      const plain = withoutOwnKernels(engine);
      const shape = (channels: number): number[] => [2, 13, 11, channels];
      const tensor = (channels: number, seed: number): Tensor => engine.tensor(noise(2 * 13 * 11 * channels, seed), shape(channels));
      const [x, skip, gradient, bias] = [tensor(21, 1), tensor(10, 2), tensor(31, 3), engine.tensor(noise(21, 4), [21])];
      const exact = [joinBiased(engine, x, bias, skip), joinBiased(plain, x, bias, skip)].map((result) => engine.read(result));
      expect(exact[0]).toEqual(exact[1]);
      const [own, theirs] = [engine, plain].map((one) => joinBiasedGradient(one, gradient, bias)) as [
        ReturnType<typeof joinBiasedGradient>,
        ReturnType<typeof joinBiasedGradient>,
      ];
      expect(engine.read(own.x)).toEqual(engine.read(theirs.x));
      expect(engine.read(own.skip)).toEqual(engine.read(theirs.skip));
      const expected = engine.read(theirs.bias);
      engine.read(own.bias).forEach((value, index) => expect(value).toBeCloseTo(expected[index] as number, 4));
    }));
}

function sgdTests(engine: Engine): void {
  it.each([true, false])("three steps over parameters of several sizes equal TensorFlow's kernels, Nesterov's form: %s", (nesterov) => {
    const sizes = [1, 7, 64, 9001];
    const run = (one: Engine): Float32Array[] => {
      const variables = sizes.map((size, index) => ({
        parameter: createVariable(one, [size], noise(size, index)),
        momentum: createVariable(one, [size], new Float32Array(size)),
      }));
      const results = one.tidy(() => {
        for (const step of [1, 2, 3]) {
          const entries = variables.map((pair, index) => ({
            ...pair,
            gradient: one.tensor(noise(sizes[index] as number, 10 * step + index), [sizes[index] as number]),
            value: pair.parameter.read(),
          }));
          applySgd(one, entries, { learningRate: 0.1 / step, momentum: 0.9, weightDecay: 0.01, nesterov });
        }
        return variables.flatMap(({ parameter, momentum }) => [one.read(parameter.read()), one.read(momentum.read())]);
      });
      for (const { parameter, momentum } of variables) for (const variable of [parameter, momentum]) variable.dispose();
      return results;
    };
    const [own, theirs] = [run(engine), run(withoutOwnKernels(engine))];
    // A product and a sum are rounded once here and twice there.
    own.forEach((values, index) =>
      values.forEach((value, at) => expect(Math.abs(value - (theirs[index]?.[at] as number))).toBeLessThan(1e-6)),
    );
  });
}

/** All tests of the own kernels with this instruction set (the processor's widest, if undefined) and number of threads. */
export async function ownKernelTests({ instructionSet, threads }: { instructionSet?: "avx2"; threads: number }): Promise<void> {
  if (instructionSet !== undefined) process.env["SAPHENA_KERNELS"] = instructionSet;
  const engine = await loadEngine({ threads, engine: "native" });
  describe.skipIf(!supportsOwnKernels())(`with ${threads} threads, in float64's terms:`, () => {
    convolutionTests(engine);
    normTests(engine);
    joinTests(engine);
    sgdTests(engine);
    it("an input of another shape is refused by name", () =>
      engine.tidy(() => {
        const x = engine.tensor(noise(4 * 8, 1), [1, 2, 2, 8]);
        const kernel = engine.tensor(noise(9 * 9, 1), [3, 3, 9, 1]);
        expect(() => engine.run("SaphenaConvolution", [], x, kernel)).toThrow("needs a kernel of [3,3,c,k]");
      }));
  });
}
