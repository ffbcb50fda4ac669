// Against PyTorch: logits, losses, gradients and three optimizer steps of a small network with every part (../fixtures/make_fixture.py).
import { readFileSync } from "node:fs";
import { loadEngine, type Tensor } from "@saphena/tf";
import { describe, expect, it } from "vitest";
import type { Batch } from "./batch.ts";
import type { LossConfig, NetworkConfig, OptimizerConfig } from "./config.ts";
import { forward } from "./model.ts";
import { createNetwork, type StepLosses } from "./network.ts";
import { createState, type TensorRecord } from "./state.ts";
import { createTape } from "./tape.ts";

interface Encoded {
  shape: number[];
  data: string;
}
type Tensors = Record<string, Encoded>;
interface Fixture {
  config: NetworkConfig;
  loss: LossConfig;
  optimizer: OptimizerConfig;
  learningRates: number[];
  batch: { size: number; images: Encoded; labels: number[]; hasMask: number[]; weights: number[]; masks: string };
  initial: { parameters: Tensors; running: Tensors };
  gradients: Tensors;
  logits: { classes: Encoded; masks: Tensors };
  steps: StepLosses[];
  final: { parameters: Tensors; running: Tensors; momentum: Tensors };
  prediction: { probabilities: Encoded; maskProbabilities: Encoded };
}

const fixture = JSON.parse(readFileSync(new URL("../fixtures/reference.json", import.meta.url), "utf8")) as Fixture;
const engine = await loadEngine({ threads: 1 });
const batch: Batch = {
  size: fixture.batch.size,
  images: floats(fixture.batch.images),
  labels: Int32Array.from(fixture.batch.labels),
  masks: new Uint8Array(Buffer.from(fixture.batch.masks, "base64")),
  hasMask: Uint8Array.from(fixture.batch.hasMask),
  weights: Float32Array.from(fixture.batch.weights),
};

function floats({ data }: Encoded): Float32Array {
  const bytes = Buffer.from(data, "base64");
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(4 * index));
}

function initialState(): Map<string, TensorRecord> {
  const { parameters, running } = fixture.initial;
  const record = ({ shape, ...rest }: Encoded): TensorRecord => ({ shape, data: floats({ shape, ...rest }) });
  return new Map([
    ...Object.entries({ ...parameters, ...running }).map(([name, encoded]) => [`model.${name}`, record(encoded)] as const),
    ...Object.entries(parameters).map(
      ([name, { shape }]) => [`optimizer.${name}.momentum`, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }] as const,
    ),
  ]);
}

/** Largest difference relative to the largest value of the tensor: single values near 0 carry no relative precision in float32. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return expected.reduce((worst, value, index) => Math.max(worst, Math.abs((actual[index] as number) - value)), 0) / scale;
}

function network() {
  const created = createNetwork(engine, fixture.config, { loss: fixture.loss, optimizer: fixture.optimizer }, 1);
  created.importState(initialState());
  return created;
}

describe("VENet and PyTorch agree to 1e-4 on", () => {
  it("the logits of every head and level", () => {
    const state = createState(engine, fixture.config, 1);
    state.import(initialState());
    engine.tidy(() => {
      const images = engine.tensor(batch.images, [batch.size, fixture.config.inputSize, fixture.config.inputSize, fixture.config.channels]);
      const ignore = (): void => {};
      const pass = {
        kind: "training",
        engine,
        tape: createTape(engine),
        weight: (name: string) => state.parameter(name).read(),
        running: (name: string) => state.running(name),
        moveRunning: ignore,
        gradient: ignore,
      } as const;
      const logits = forward(pass, fixture.config, images, true);
      expect(relativeError(engine.read(logits.classes as Tensor), floats(fixture.logits.classes))).toBeLessThan(1e-4);
      expect(Object.keys(fixture.logits.masks).sort()).toEqual(Object.keys(logits.masks ?? []).sort());
      logits.masks?.forEach((mask, level) => {
        const expected = fixture.logits.masks[level] as Encoded;
        expect(mask.shape).toEqual(expected.shape);
        expect(relativeError(engine.read(mask), floats(expected)), `level ${level}`).toBeLessThan(1e-4);
      });
    });
    state.dispose();
  });

  it("the losses and the gradient of every parameter", () => {
    const subject = network();
    const { losses, gradients } = subject.gradients(batch);
    const expected = fixture.steps[0] as StepLosses;
    for (const key of ["total", "classification", "segmentation"] as const)
      expect((losses[key] as number) / (expected[key] as number)).toBeCloseTo(1, 5);
    expect([...gradients.keys()].sort()).toEqual(Object.keys(fixture.gradients).sort());
    for (const [name, encoded] of Object.entries(fixture.gradients)) {
      const gradient = gradients.get(name) as TensorRecord;
      expect(gradient.shape, `tensor ${name}`).toEqual(encoded.shape);
      expect(relativeError(gradient.data, floats(encoded)), `tensor ${name}`).toBeLessThan(1e-4);
    }
    subject.dispose();
  });

  it("three steps of SGD: losses, parameters, momentum, running averages, and the prediction after them", () => {
    const subject = network();
    fixture.learningRates.forEach((rate, index) => {
      const losses = subject.trainStep(batch, rate);
      expect(losses.total / (fixture.steps[index] as StepLosses).total, `step ${index}`).toBeCloseTo(1, 4);
    });
    const state = subject.exportState();
    const compare = (prefix: string, suffix: string, tensors: Tensors): void => {
      for (const [name, encoded] of Object.entries(tensors)) {
        const record = state.get(`${prefix}${name}${suffix}`) as TensorRecord;
        expect(relativeError(record.data, floats(encoded)), `tensor ${name}`).toBeLessThan(1e-4);
      }
    };
    compare("model.", "", fixture.final.parameters);
    compare("model.", "", fixture.final.running);
    compare("optimizer.", ".momentum", fixture.final.momentum);
    const prediction = subject.predict(batch.images, batch.size);
    expect(relativeError(prediction.probabilities as Float32Array, floats(fixture.prediction.probabilities))).toBeLessThan(1e-4);
    expect(relativeError(prediction.maskProbabilities as Float32Array, floats(fixture.prediction.maskProbabilities))).toBeLessThan(1e-4);
    subject.dispose();
  });
});
