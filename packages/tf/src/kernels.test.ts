// On both engines: every fused kernel against the same mathematics composed of elementary operations, or written out in JavaScript.
import { describe, expect, it } from "vitest";
import {
  add,
  applyMomentum,
  batchNormGradient,
  batchNormInference,
  batchNormTraining,
  convolution,
  convolutionInputGradient,
  convolutionKernelGradient,
  createVariable,
  divide,
  leakyRelu,
  leakyReluGradient,
  loadEngine,
  mean,
  multiply,
  oneHot,
  padTopLeft,
  softmax,
  softmaxCrossEntropy,
  subtract,
  sum,
  type Tensor,
} from "./index.ts";

/** Smooth values without a pattern that a wrong axis could hide behind. */
const values = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => Math.sin(seed + 12.9898 * index) + 0.3 * Math.cos(seed * index));

/** The largest difference, relative to 1 + the expected value. */
function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Array.from(expected).reduce(
    (worst, value, index) => Math.max(worst, Math.abs((actual[index] as number) - value) / (1 + Math.abs(value))),
    0,
  );
}

const engines = [await loadEngine({ threads: 1, engine: "native" }), await loadEngine({ threads: 1, engine: "wasm" })];

describe.each(engines.map((engine) => ({ name: engine.fingerprint.engine, engine })))("$name:", ({ engine }) => {
  const tensor = (shape: number[], seed: number): Tensor =>
    engine.tensor(
      values(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
      shape,
    );

  describe("batch normalisation", () => {
    const options = { epsilon: 1e-5, momentum: 0.1 };
    const shape = [2, 4, 3, 5];
    const count = 2 * 4 * 3;
    const axes = [0, 1, 2];

    it("normalises by the batch, and moves the averages with the unbiased variance", () =>
      engine.tidy(() => {
        const [x, scale, offset, runningMean] = [tensor(shape, 1), tensor([5], 2), tensor([5], 3), tensor([5], 4)];
        const runningVariance = engine.tensor(Float32Array.of(1, 2, 3, 4, 5), [5]);
        const fused = batchNormTraining(engine, x, scale, offset, runningMean, runningVariance, options);

        const average = mean(engine, x, axes, true);
        const centred = subtract(engine, x, average);
        const variance = mean(engine, multiply(engine, centred, centred), axes, true);
        const deviation = engine.tensor(
          engine.read(variance).map((v) => Math.sqrt(v + options.epsilon)),
          [1, 1, 1, 5],
        );
        const composed = add(engine, multiply(engine, divide(engine, centred, deviation), scale), offset);
        expect(difference(engine.read(fused.output), engine.read(composed))).toBeLessThan(1e-5);

        const [oldMeans, newMeans, newVariances] = [engine.read(runningMean), engine.read(average), engine.read(variance)];
        expect(
          difference(
            engine.read(fused.runningMean),
            oldMeans.map((old, c) => 0.9 * old + 0.1 * (newMeans[c] as number)),
          ),
        ).toBeLessThan(1e-5);
        expect(
          difference(
            engine.read(fused.runningVariance),
            newVariances.map((v, c) => 0.9 * (c + 1) + (0.1 * v * count) / (count - 1)),
          ),
        ).toBeLessThan(1e-5);
      }));

    it("has the gradient that the chain rule gives", () =>
      engine.tidy(() => {
        const [x, scale, offset, gradient] = [tensor(shape, 1), tensor([5], 2), tensor([5], 3), tensor(shape, 9)];
        const forward = batchNormTraining(
          engine,
          x,
          scale,
          offset,
          tensor([5], 4),
          engine.tensor(new Float32Array(5).fill(1), [5]),
          options,
        );
        const fused = batchNormGradient(engine, gradient, x, scale, forward.reserved, options.epsilon);

        const centred = subtract(engine, x, mean(engine, x, axes, true));
        const variance = engine.read(mean(engine, multiply(engine, centred, centred), axes, true));
        const inverse = engine.tensor(
          variance.map((v) => 1 / Math.sqrt(v + options.epsilon)),
          [1, 1, 1, 5],
        );
        const normalised = multiply(engine, centred, inverse);
        const projected = multiply(engine, normalised, mean(engine, multiply(engine, gradient, normalised), axes, true));
        const inner = subtract(engine, subtract(engine, gradient, mean(engine, gradient, axes, true)), projected);
        expect(difference(engine.read(fused.x), engine.read(multiply(engine, multiply(engine, inner, inverse), scale)))).toBeLessThan(1e-5);
        expect(difference(engine.read(fused.scale), engine.read(sum(engine, multiply(engine, gradient, normalised), axes)))).toBeLessThan(
          1e-5,
        );
        expect(difference(engine.read(fused.offset), engine.read(sum(engine, gradient, axes)))).toBeLessThan(1e-5);
      }));

    it("uses the running averages in inference", () =>
      engine.tidy(() => {
        const variance = Float32Array.of(1, 2, 3, 4, 5);
        const [x, scale, offset, average] = [tensor(shape, 1), tensor([5], 2), tensor([5], 3), tensor([5], 4)];
        const fused = batchNormInference(engine, x, scale, offset, average, engine.tensor(variance, [5]), options.epsilon);
        const deviation = engine.tensor(
          variance.map((v) => Math.sqrt(v + options.epsilon)),
          [5],
        );
        expect(
          difference(
            engine.read(fused),
            engine.read(add(engine, multiply(engine, divide(engine, subtract(engine, x, average), deviation), scale), offset)),
          ),
        ).toBeLessThan(1e-5);
      }));
  });

  describe("LeakyReLU", () => {
    it("and its gradient agree with their definition, from the input or from the output", () =>
      engine.tidy(() => {
        const [x, gradient] = [values(24, 5), values(24, 6)];
        const input = engine.tensor(x, [24]);
        const output = leakyRelu(engine, input, 0.01);
        expect(
          difference(
            engine.read(output),
            x.map((v) => (v > 0 ? v : 0.01 * v)),
          ),
        ).toBeLessThan(1e-5);
        const expected = gradient.map((g, index) => ((x[index] as number) > 0 ? g : 0.01 * g));
        for (const features of [input, output])
          expect(difference(engine.read(leakyReluGradient(engine, engine.tensor(gradient, [24]), features, 0.01)), expected)).toBeLessThan(
            1e-5,
          );
      }));
  });

  describe("softmax cross-entropy", () => {
    it("gives the loss of each row and softmax - target", () =>
      engine.tidy(() => {
        const logits = tensor([6, 3], 7);
        const targets = oneHot(engine, engine.tensor(Int32Array.of(0, 2, 1, 1, 0, 2), [6]), 3);
        const { losses, gradient } = softmaxCrossEntropy(engine, logits, targets);
        const probabilities = softmax(engine, logits);
        const chosen = engine.read(sum(engine, multiply(engine, probabilities, targets), [1]));
        expect(
          difference(
            engine.read(losses),
            chosen.map((p) => -Math.log(p)),
          ),
        ).toBeLessThan(1e-5);
        expect(difference(engine.read(gradient), engine.read(subtract(engine, probabilities, targets)))).toBeLessThan(1e-5);
      }));

    it("stays finite for extreme logits", () =>
      engine.tidy(() => {
        const { losses } = softmaxCrossEntropy(
          engine,
          engine.tensor(Float32Array.of(1e4, -1e4), [1, 2]),
          engine.tensor(Float32Array.of(0, 1), [1, 2]),
        );
        expect([...engine.read(losses)]).toEqual([2e4]);
      }));
  });

  describe("convolution", () => {
    it("has gradients that are its adjoints: <conv(x), y> = <x, inputGradient(y)> = <kernel, kernelGradient(y)>", () =>
      engine.tidy(() => {
        for (const [stride, padding] of [
          [1, "SAME"],
          [2, "VALID"],
        ] as const) {
          const [x, kernel] = [tensor([2, 7, 7, 3], 1), tensor([3, 3, 3, 4], 2)];
          const output = convolution(engine, x, kernel, { stride, padding });
          const y = tensor(output.shape, 3);
          const dot = (a: Tensor, b: Tensor): number => engine.read(sum(engine, multiply(engine, a, b), [0, 1, 2, 3]))[0] as number;
          const expected = dot(output, y);
          expect(difference([dot(x, convolutionInputGradient(engine, x.shape, kernel, y, { stride, padding }))], [expected])).toBeLessThan(
            1e-4,
          );
          expect(
            difference([dot(kernel, convolutionKernelGradient(engine, x, kernel.shape, y, { stride, padding }))], [expected]),
          ).toBeLessThan(1e-4);
        }
      }));

    it("is padded above and to the left with zeros", () =>
      engine.tidy(() => {
        const padded = padTopLeft(engine, engine.tensor(Float32Array.of(1, 2, 3, 4), [1, 2, 2, 1]));
        expect(padded.shape).toEqual([1, 3, 3, 1]);
        expect([...engine.read(padded)]).toEqual([0, 0, 0, 0, 1, 2, 0, 3, 4]);
      }));
  });

  describe("resource variables", () => {
    const read = (variable: { read(): Tensor }): number[] => engine.tidy(() => [...engine.read(variable.read())]);

    it("take SGD steps with momentum as PyTorch defines them, under a changing learning rate", () => {
      for (const nesterov of [false, true]) {
        const variable = createVariable(engine, [2], Float32Array.of(1, -1));
        const accumulator = createVariable(engine, [2], new Float32Array(2));
        let [weight, momentum] = [
          [1, -1],
          [0, 0],
        ];
        for (const rate of [0.1, 0.05]) {
          const gradient = [0.5, 2];
          engine.tidy(() =>
            applyMomentum(engine, variable, accumulator, {
              gradient: engine.tensor(Float32Array.from(gradient), [2]),
              learningRate: engine.scalar(rate),
              momentum: engine.scalar(0.9),
              nesterov,
            }),
          );
          momentum = momentum.map((m, index) => 0.9 * m + (gradient[index] as number));
          weight = weight.map(
            (w, index) =>
              w - rate * (nesterov ? (gradient[index] as number) + 0.9 * (momentum[index] as number) : (momentum[index] as number)),
          );
        }
        expect(difference(read(variable), weight)).toBeLessThan(1e-5);
        expect(difference(read(accumulator), momentum)).toBeLessThan(1e-5);
        variable.dispose();
        accumulator.dispose();
      }
    });

    it("never write into the array they were made from", () => {
      const given = Float32Array.of(1, 2);
      const variable = createVariable(engine, [2], given);
      const accumulator = createVariable(engine, [2], new Float32Array(2));
      engine.tidy(() =>
        applyMomentum(engine, variable, accumulator, {
          gradient: engine.tensor(Float32Array.of(1, 1), [2]),
          learningRate: engine.scalar(1),
          momentum: engine.scalar(0),
          nesterov: false,
        }),
      );
      expect(read(variable)).toEqual([0, 1]);
      expect([...given]).toEqual([1, 2]);
      variable.dispose();
      accumulator.dispose();
    });
  });
});
