// What PyTorch computed (../fixtures/make_fixtures.py), made comparable: the same start values and batches from the same integer hashes, the
// outputs of our layers by name, and the distance between a tensor of ours and a sketch of PyTorch's.
import { readFileSync } from "node:fs";
import type { Engine, Tensor } from "@saphena/tf";
import type { Batch } from "./batch.ts";
import { hasSegmentation, type LossConfig, type NetworkConfig, type OptimizerConfig } from "./config.ts";
import { forward } from "./model.ts";
import { createNetwork, type Network } from "./network.ts";
import { parameterSpecs } from "./parameters.ts";
import { createState, type TensorRecord } from "./state.ts";
import { createTape, type Tape } from "./tape.ts";

export const CASES = ["standard", "incomplete", "segmentation", "classification", "final-level"] as const;

/** A number of float64 PyTorch, and how near PyTorch's float32 comes to it (relative). */
interface Reference {
  float32Error: number;
}
export interface ReferenceTensor extends Reference {
  shape: number[];
  /** L2. */
  norm: number;
  /** Sums of the values under 8 patterns of random signs. */
  sketch: number[];
}
export interface ReferenceLoss extends Reference {
  value: number;
}
export type ReferenceTensors = Record<string, ReferenceTensor>;

export interface Fixture {
  config: NetworkConfig;
  loss: LossConfig;
  optimizer: OptimizerConfig;
  learningRates: number[];
  batch: { size: number; missingLabels: number[]; missingMasks: number[]; weights: number[] };
  seed: string;
  /** In so many steps from the first on, no activation lies so near LeakyReLU's kink that rounding could carry it over. */
  smoothSteps: number;
  /** Losses before each step. */
  steps: Record<"total" | "classification" | "segmentation", ReferenceLoss | null>[];
  /** Outputs of every layer in the first step. Of an upsampling: before it is joined with the skip connection. */
  layers: ReferenceTensors;
  /** Of the first step. */
  gradients: ReferenceTensors;
  /** How parameters and running averages moved over all steps: their last values minus their first. */
  changes: ReferenceTensors;
  /** After the last step. */
  momentum: ReferenceTensors;
  prediction: ReferenceTensors;
}

export interface ParameterCounts {
  rows: (Omit<NetworkConfig, "inputSize"> & { parameters: number })[];
}

export const readFixture = (name: (typeof CASES)[number]): Fixture => readJson(name) as Fixture;
export const readParameterCounts = (): ParameterCounts => readJson("parameter-counts") as ParameterCounts;

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8"));
}

/** 32-bit words that depend on the name and the index alone: FNV-1a of the name, then MurmurHash3's finaliser of a running counter. */
export function words(name: string, count: number): Uint32Array {
  let state = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) state = Math.imul(state ^ name.charCodeAt(index), 0x01000193);
  return Uint32Array.from({ length: count }, (_, index) => {
    let word = (state + Math.imul(index + 1, 0x9e3779b9)) | 0;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return word ^ (word >>> 16);
  });
}

/** Numbers between -1 and 1, through `value` to float32. */
function draws(name: string, count: number, value: (draw: number) => number): Float32Array {
  return Float32Array.from(words(name, count), (word) => value(word / 2 ** 31 - 1));
}

const lengthOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** A network of the fixture at its start values. */
export function networkOf(engine: Engine, fixture: Fixture, change: Partial<OptimizerConfig> = {}): Network {
  const optimizer = { ...fixture.optimizer, ...change } as OptimizerConfig;
  const network = createNetwork(engine, fixture.config, { loss: fixture.loss, optimizer }, 1);
  network.importState(startOf(fixture, network.exportState()));
  return network;
}

function startOf({ config, seed }: Fixture, state: ReadonlyMap<string, TensorRecord>): Map<string, TensorRecord> {
  const fanIn = new Map(parameterSpecs(config).map((spec) => [spec.name, spec.fanIn]));
  const start = (name: string, count: number): Float32Array => {
    if (name.endsWith(".kernel")) return draws(`${seed}/${name}`, count, (draw) => draw * Math.sqrt(6 / (fanIn.get(name) as number)));
    return draws(`${seed}/${name}`, count, /(scale|variance)$/.test(name) ? (draw) => 1 + 0.5 * draw : (draw) => 0.3 * draw);
  };
  return new Map(
    Array.from(state, ([name, { shape, data }]) => {
      const model = /^model\.(.+)/.exec(name)?.[1];
      return [name, { shape, data: model === undefined ? new Float32Array(data.length) : start(model, lengthOf(shape)) }];
    }),
  );
}

/** How far parameters and running averages have moved from the start values, by name. */
export function changesOf(network: Network, fixture: Fixture): Map<string, TensorRecord> {
  const state = network.exportState();
  const changes = new Map<string, TensorRecord>();
  for (const [key, start] of startOf(fixture, state)) {
    const name = /^model\.(.+)/.exec(key)?.[1];
    const now = (state.get(key) as TensorRecord).data;
    if (name !== undefined)
      changes.set(name, { shape: start.shape, data: now.map((value, index) => value - (start.data[index] as number)) });
  }
  return changes;
}

/** The optimizer's momentum of every parameter, by the parameter's name. */
export function momentumOf(network: Network): Map<string, TensorRecord> {
  return new Map(
    Array.from(network.exportState()).flatMap(([key, record]) => {
      const name = /^optimizer\.(.+)\.momentum$/.exec(key)?.[1];
      return name === undefined ? [] : [[name, record] as const];
    }),
  );
}

/** The batch that every step of the fixture trains on. */
export function batchOf({ config, batch, seed }: Fixture): Batch {
  const { size, missingLabels, missingMasks, weights } = batch;
  const side = config.inputSize;
  const labels = Int32Array.from(words(`${seed}/labels`, size), (word) => word % Math.max(1, config.classes));
  for (const sample of missingLabels) labels[sample] = -1;
  const hasMask = new Uint8Array(size).fill(1);
  for (const sample of missingMasks) hasMask[sample] = 0;
  const cells = words(`${seed}/masks`, size * 64 * 64).map((word) => word % Math.max(1, config.maskClasses));
  const cellAt = (pixel: number): number => {
    const [sample, row, column] = [Math.floor(pixel / side ** 2), Math.floor(pixel / side) % side, pixel % side];
    return cells[(sample * 64 + Math.floor(row / 3)) * 64 + Math.floor(column / 3)] as number;
  };
  return {
    size,
    images: draws(`${seed}/images`, size * side * side * config.channels, (draw) => 1.5 * draw),
    labels,
    masks: Uint8Array.from({ length: size * side * side }, (_, pixel) => cellAt(pixel)),
    hasMask,
    weights: Float32Array.from(weights),
  };
}

/**
 * The outputs of our layers in a training pass, by the fixture's names. Layers are told apart by the weights they ask for; what is
 * recorded without asking for any is the average of the class head.
 */
export function layerOutputs(engine: Engine, fixture: Fixture): Map<string, TensorRecord> {
  const { config, loss } = fixture;
  const outputs = new Map<string, TensorRecord>();
  let asked: string | null = null;
  const tape = createTape(engine);
  const watchingTape: Tape = {
    ...tape,
    record: (entry) => {
      const name: string = asked ?? "classification.average";
      asked = null;
      outputs.set(name, read(engine, entry.output, name.endsWith(".up") ? 2 : 1));
      tape.record(entry);
    },
  };
  const state = createState(engine, config, 1);
  state.import(startOf(fixture, state.export()));
  const weight = (name: string): Tensor => {
    asked = name.replace(/\.(kernel|bias|norm\.scale|norm\.offset)$/, "");
    return state.parameter(name).read();
  };
  const ignore = (): void => {};
  const pass = {
    kind: "training" as const,
    engine,
    tape: watchingTape,
    weight,
    master: weight,
    running: (name: string) => state.running(name),
    moveRunning: ignore,
    gradient: ignore,
  };
  const { size, images } = batchOf(fixture);
  engine.tidy(() => {
    forward(pass, config, engine.tensor(images, [size, config.inputSize, config.inputSize, config.channels]), loss.deepSupervision);
  });
  state.dispose();
  return outputs;
}

/** Values of the first of `parts` equal parts of the channels. */
function read(engine: Engine, tensor: Tensor, parts: 1 | 2): TensorRecord {
  const channels = tensor.shape.at(-1) as number;
  const data = engine.read(tensor).filter((_value, index) => index % channels < channels / parts);
  return { shape: [...tensor.shape.slice(0, -1), channels / parts], data };
}

/** Sums of the values under 8 patterns of random signs: the L2 distance of two tensors is about the root mean square of the differences of their sums. */
export function sketchOf(values: Float32Array): number[] {
  const bits = words("sketch", values.length);
  const sums = Array.from({ length: 8 }, () => 0);
  values.forEach((value, index) => {
    for (let pattern = 0; pattern < 8; pattern++) sums[pattern]! += ((bits[index] as number) >>> pattern) & 1 ? value : -value;
  });
  return sums;
}

/** The estimated distance (L2) between ours and the true values, relative to these; infinite for another shape. */
export function errorOf(actual: TensorRecord | undefined, expected: ReferenceTensor): number {
  if (actual?.shape.join() !== expected.shape.join()) return Number.POSITIVE_INFINITY;
  const squares = sketchOf(actual.data).map((sum, pattern) => (sum - (expected.sketch[pattern] as number)) ** 2);
  return Math.sqrt(squares.reduce((total, square) => total + square) / squares.length) / expected.norm;
}

/** The predictions after training, as tensors under the fixture's names. */
export function predictionOf(network: Network, { size, images }: Batch): Map<string, TensorRecord> {
  const { config } = network;
  const { probabilities, maskProbabilities } = network.predict(images, size);
  const found = new Map<string, TensorRecord>();
  if (probabilities !== null) found.set("probabilities", { shape: [size, config.classes], data: probabilities });
  if (maskProbabilities !== null && hasSegmentation(config))
    found.set("maskProbabilities", { shape: [size, config.inputSize, config.inputSize, config.maskClasses], data: maskProbabilities });
  return found;
}
