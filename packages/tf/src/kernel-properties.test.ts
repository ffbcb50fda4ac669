// Fused kernels against composed mathematics on shapes and values drawn at random: forward and gradient, for each way to compute them:
// Saphena's own kernels, TensorFlow's, and WASM's.
//
// Tolerances. A float32 sum of up to some 1,000 terms rounds to a few 1e-7 of the sum of their magnitudes, so 3e-6 of that is allowed, and
// for convolutions 3e-5, because Winograd's tiles round to up to 1e-5 (own-kernels.case.ts). Normalisation divides by the spread of the
// values, its gradient twice, and rounding with them. A wrong index, factor or sign costs 1e-2 at the least.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { supportsOwnKernels } from "./fingerprint.ts";
import {
  batchNormGradient,
  batchNormTraining,
  convolution,
  convolutionInputGradient,
  convolutionKernelGradient,
  leakyRelu,
  leakyReluGradient,
  loadEngine,
  matrixProduct,
  normActivation,
  normActivationGradient,
  oneHot,
  padTopLeft,
  softmaxCrossEntropy,
  withoutOwnKernels,
  type Engine,
  type Tensor,
} from "./index.ts";
import {
  convolutionWrittenOut,
  crossEntropyWrittenOut,
  geometryOf,
  largest,
  normWrittenOut,
  type ConvolutionShape,
} from "./written-out.case.ts";

const TOLERANCE = 3e-6;
const WINOGRAD_TOLERANCE = 3e-5;
const RUNS = { numRuns: 40, seed: 20230113 };
const native = await loadEngine({ threads: 1, engine: "native" });
const ways: [string, Engine][] = [
  ["TensorFlow's kernels", withoutOwnKernels(native)],
  ["WASM", await loadEngine({ threads: 1, engine: "wasm" })],
  ...(supportsOwnKernels() ? ([["own kernels", native]] as [string, Engine][]) : []),
];

const size = (max: number, min = 1): fc.Arbitrary<number> => fc.integer({ min, max });
const seeds = fc.integer({ min: 1, max: 2 ** 31 });

/** Numbers of -1…1 that repeat nowhere near. */
function noise(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** `actual` is as near to `expected` as float32 allows, relative to `magnitude` or else to the largest expected value. */
function expectClose(engine: Engine, actual: Tensor, expected: Float64Array, magnitude?: number, tolerance = TOLERANCE): void {
  const values = engine.read(actual);
  expect(values).toHaveLength(expected.length);
  const worst = values.reduce((most, value, index) => Math.max(most, Math.abs(value - (expected[index] as number))), 0);
  expect(worst).toBeLessThanOrEqual(tolerance * (magnitude ?? Math.max(1, largest(expected.map(Math.abs)))));
}

describe.each(ways)("by %s", (_, engine) => {
  const convolutions = fc
    .record({
      n: size(2),
      height: size(9, 3),
      width: size(9, 3),
      inputs: size(12),
      outputs: size(20),
      kernel: size(3),
      stride: size(2),
      padding: fc.constantFrom("SAME" as const, "VALID" as const),
      seed: seeds,
    })
    .filter(({ kernel, stride }) => kernel >= stride);

  it("convolution and both its gradients are the written-out sums", () => {
    fc.assert(
      fc.property(convolutions, ({ seed, ...shape }) =>
        engine.tidy(() => {
          const { n, height, width, inputs, outputs, kernel: side } = shape satisfies ConvolutionShape;
          const { out } = geometryOf(shape);
          const shapes = { x: [n, height, width, inputs], kernel: [side, side, inputs, outputs], gradient: [n, ...out, outputs] };
          const make = (dimensions: number[], offset: number): Float32Array => noise(lengthOf(dimensions), seed + offset);
          const arrays = { x: make(shapes.x, 0), kernel: make(shapes.kernel, 1), gradient: make(shapes.gradient, 2) };
          const [x, kernel, gradient] = (["x", "kernel", "gradient"] as const).map((key) => engine.tensor(arrays[key], shapes[key])) as [
            Tensor,
            Tensor,
            Tensor,
          ];
          const output = convolution(engine, x, kernel, shape);
          expect(output.shape).toEqual(shapes.gradient);
          const results = {
            output,
            "input gradient": convolutionInputGradient(engine, shapes.x, kernel, gradient, shape),
            "kernel gradient": convolutionKernelGradient(engine, x, shapes.kernel, gradient, shape),
          };
          for (const [wanted, result] of Object.entries(results)) {
            const { values, magnitude } = convolutionWrittenOut(shape, wanted as keyof typeof results, arrays);
            expectClose(engine, result, values, Math.max(magnitude, 1), WINOGRAD_TOLERANCE);
          }
        }),
      ),
      RUNS,
    );
  });

  it("a stride of 2 after padding above and left is PyTorch's convolution with a padding of 1 on even sides", () => {
    fc.assert(
      fc.property(size(2), size(4), size(4), size(5), seeds, (n, halfHeight, halfWidth, inputs, seed) =>
        engine.tidy(() => {
          const [height, width] = [2 * halfHeight, 2 * halfWidth];
          const [x, kernel] = [noise(n * height * width * inputs, seed), noise(9 * inputs * 3, seed + 1)];
          const padded = padTopLeft(engine, engine.tensor(x, [n, height, width, inputs]));
          const result = convolution(engine, padded, engine.tensor(kernel, [3, 3, inputs, 3]), { stride: 2, padding: "VALID" });
          // Padded all around, of which the last row and column are never reached.
          const around = new Float32Array(n * (height + 2) * (width + 2) * inputs);
          x.forEach((value, index) => {
            const [channel, pixel] = [index % inputs, Math.floor(index / inputs)];
            const [image, row, column] = [Math.floor(pixel / (height * width)), Math.floor(pixel / width) % height, pixel % width];
            around[((image * (height + 2) + row + 1) * (width + 2) + column + 1) * inputs + channel] = value;
          });
          const shape: ConvolutionShape = {
            n,
            height: height + 2,
            width: width + 2,
            inputs,
            outputs: 3,
            kernel: 3,
            stride: 2,
            padding: "VALID",
          };
          const gradient = new Float32Array(n * halfHeight * halfWidth * 3);
          expect(geometryOf(shape).out).toEqual([halfHeight, halfWidth]);
          const { values, magnitude } = convolutionWrittenOut(shape, "output", { x: around, kernel, gradient });
          expectClose(engine, result, values, magnitude);
        }),
      ),
      RUNS,
    );
  });

  const norms = fc.record({
    n: size(3),
    height: size(7, 2),
    width: size(7),
    channels: size(40),
    centre: fc.integer({ min: -3, max: 3 }),
    seed: seeds,
  });
  const options = { epsilon: 1e-5, momentum: 0.1, slope: 0.01 };

  it.each(["fused into one step", "as two kernels"])(
    "batch normalisation and LeakyReLU %s, and the gradients, are the composed operations",
    (how) => {
      fc.assert(
        fc.property(norms, ({ n, height, width, channels, centre, seed }) =>
          engine.tidy(() => {
            const shape = [n, height, width, channels];
            const vector = (around: number, offset: number): Float32Array =>
              noise(channels, seed + offset).map((value) => around + 0.5 * value);
            const arrays = {
              x: noise(lengthOf(shape), seed).map((value) => centre + 1.5 * value),
              gradient: noise(lengthOf(shape), seed + 1),
              scale: vector(1, 2),
              offset: vector(0, 3),
              mean: vector(0, 4),
              variance: vector(1, 5),
            };
            // A value that rounding carries over LeakyReLU's kink has another gradient; over a few rows its channel would be off as a whole.
            const expected = normWrittenOut(arrays, options);
            fc.pre(expected.output.every((value) => Math.abs(value) > 1e-7));
            fc.pre(expected.output.every((value) => value > 1e-5 || value < -1e-7));
            const [x, gradient] = [engine.tensor(arrays.x, shape), engine.tensor(arrays.gradient, shape)];
            const [scale, offset, mean, variance] = (["scale", "offset", "mean", "variance"] as const).map((key) =>
              engine.tensor(arrays[key], [channels]),
            ) as [Tensor, Tensor, Tensor, Tensor];
            const spread = spreadOf(arrays.x, channels);
            const compute = how === "as two kernels" ? twoKernels : oneStep;
            const { forward, gradients } = compute(engine, { x, gradient, scale, offset, mean, variance });
            expectClose(engine, forward.output, expected.output, 4 / spread);
            expectClose(engine, forward.runningMean, expected.runningMean);
            expectClose(engine, forward.runningVariance, expected.runningVariance);
            const rows = n * height * width;
            expectClose(engine, gradients.x, expected.gradients.x, 8 / spread ** 2);
            expectClose(engine, gradients.scale, expected.gradients.scale, (4 * rows) / spread);
            expectClose(engine, gradients.offset, expected.gradients.offset, rows);
          }),
        ),
        RUNS,
      );
    },
  );

  interface NormTensors {
    x: Tensor;
    gradient: Tensor;
    scale: Tensor;
    offset: Tensor;
    mean: Tensor;
    variance: Tensor;
  }
  function oneStep(one: Engine, { x, gradient, ...parameters }: NormTensors) {
    const forward = normActivation(one, x, parameters, options);
    return { forward, gradients: normActivationGradient(one, gradient, x, parameters, forward, options) };
  }
  function twoKernels(one: Engine, { x, gradient, scale, offset, mean, variance }: NormTensors) {
    const norm = batchNormTraining(one, x, scale, offset, mean, variance, options);
    const output = leakyRelu(one, norm.output, options.slope);
    const beforeActivation = leakyReluGradient(one, gradient, output, options.slope);
    return { forward: { ...norm, output }, gradients: batchNormGradient(one, beforeActivation, x, scale, norm.reserved, options.epsilon) };
  }

  it("softmax cross-entropy and its gradient are the written-out ones, for logits of any size", () => {
    fc.assert(
      fc.property(size(40), size(7, 2), fc.constantFrom(0.1, 3, 40), seeds, (rows, classes, range, seed) =>
        engine.tidy(() => {
          const logits = noise(rows * classes, seed).map((value) => range * value);
          const ids = Int32Array.from(noise(rows, seed + 1), (value) => Math.min(classes - 1, Math.floor(((value + 1) / 2) * classes)));
          const targets = oneHot(engine, engine.tensor(ids, [rows]), classes);
          const { losses, gradient } = softmaxCrossEntropy(engine, engine.tensor(logits, [rows, classes]), targets);
          const expected = crossEntropyWrittenOut(logits, ids, classes);
          expectClose(engine, losses, expected.losses, 1 + range);
          expectClose(engine, gradient, expected.gradient);
        }),
      ),
      RUNS,
    );
  });

  it("matrix products, each side transposed or not, are the written-out sums", () => {
    fc.assert(
      fc.property(size(9), size(33), size(9), fc.boolean(), fc.boolean(), seeds, (rows, inner, columns, a, b, seed) =>
        engine.tidy(() => {
          const [left, right] = [noise(rows * inner, seed), noise(inner * columns, seed + 1)];
          const expected = new Float64Array(rows * columns);
          for (let row = 0; row < rows; row++)
            for (let column = 0; column < columns; column++)
              for (let k = 0; k < inner; k++) {
                const factor = left[a ? k * rows + row : row * inner + k] as number;
                expected[row * columns + column]! += factor * (right[b ? column * inner + k : k * columns + column] as number);
              }
          const tensors = [
            engine.tensor(left, a ? [inner, rows] : [rows, inner]),
            engine.tensor(right, b ? [columns, inner] : [inner, columns]),
          ] as const;
          expectClose(engine, matrixProduct(engine, ...tensors, { a, b }), expected, inner);
        }),
      ),
      RUNS,
    );
  });
});

const lengthOf = (shape: readonly number[]): number => shape.reduce((product, dimension) => product * dimension, 1);

/** The smallest deviation of any channel of x [rows, channels], at most 1: what normalising magnifies rounding by. */
function spreadOf(x: Float32Array, channels: number): number {
  const rows = x.length / channels;
  const deviations = Array.from({ length: channels }, (_, channel) => {
    const values = Array.from({ length: rows }, (_row, row) => x[row * channels + channel] as number);
    const mean = values.reduce((sum, value) => sum + value) / rows;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows + 1e-5);
  });
  return Math.min(1, ...deviations);
}
