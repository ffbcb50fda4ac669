// The numbers a network is: parameters and what the optimizer keeps of each as variables inside TensorFlow, running averages as tensors.
// Knows how to write them all out and take them all in, bit for bit.
import { SaphenaError } from "@saphena/contracts";
import { createVariable, type ElementType, type Engine, type ResourceVariable, type Tensor } from "@saphena/tf";
import type { NetworkConfig, OptimizerConfig } from "./config.ts";
import { initialValue } from "./initialisation.ts";
import { FIRST_LOSS_SCALE, type LossScale } from "./loss-scale.ts";
import { elementCount, parameterSpecs, runningAverageSpecs } from "./parameters.ts";

export interface TensorRecord {
  shape: number[];
  data: Float32Array;
}

/** What an optimizer keeps of every parameter, each of the parameter's shape. */
const SLOTS = { sgd: ["momentum"], adamw: ["firstMoment", "secondMoment"] } as const;
export type Slot = (typeof SLOTS)[OptimizerConfig["type"]][number];

export interface NetworkState {
  readonly names: readonly string[];
  parameter(name: string): ResourceVariable;
  slot(name: string, slot: Slot): ResourceVariable;
  /** One more optimizer step of this parameter; returns how many there are now. Kept for AdamW only. */
  countStep(name: string): number;
  /** Of float16; null for other precisions. */
  lossScale: LossScale | null;
  running(name: string): Tensor;
  /** Takes over a new running average and disposes the old one. */
  setRunning(name: string, value: Tensor): void;
  /**
   * Everything, in a stable order: `model.<parameter>`, `model.<running average>`, then what the optimizer keeps: `optimizer.<parameter>.momentum`
   * for SGD; `optimizer.<parameter>.firstMoment`, `….secondMoment` and `….steps` (a scalar) for AdamW.
   * Last, for float16, two scalars: `lossScale.scale` and `lossScale.goodSteps`.
   */
  export(): Map<string, TensorRecord>;
  /** @throws SaphenaError CHECKPOINT_INVALID when a name is missing, unknown or has another shape; nothing is changed then. */
  import(records: ReadonlyMap<string, TensorRecord>): void;
  dispose(): void;
}

export function createState(
  engine: Engine,
  config: NetworkConfig,
  seed: number,
  optimizer: OptimizerConfig["type"] = "sgd",
  precision: ElementType = "float32",
): NetworkState {
  const specs = parameterSpecs(config);
  const parameters = new Map(specs.map((spec) => [spec.name, createVariable(engine, spec.shape, initialValue(spec, seed))]));
  const slots = new Map(
    SLOTS[optimizer].flatMap((slot) =>
      specs.map(({ name, shape }) => [slotName(name, slot), createVariable(engine, shape, new Float32Array(elementCount(shape)))] as const),
    ),
  );
  const steps = new Map(optimizer === "adamw" ? specs.map(({ name }) => [name, 0]) : []);
  const runningOf = (values: Float32Array, shape: readonly number[]): Tensor => engine.keep(engine.tensor(values, shape));
  const running = new Map(runningAverageSpecs(config).map((spec) => [spec.name, runningOf(initialValue(spec, seed), spec.shape)]));

  const setRunning = (name: string, value: Tensor): void => {
    running.get(name)?.dispose();
    running.set(name, engine.keep(value));
  };
  const readVariable = (variable: ResourceVariable): TensorRecord => {
    const value = variable.read();
    const record = { shape: [...variable.shape], data: engine.read(value) };
    value.dispose();
    return record;
  };
  // Copied: an average that was never computed on is still the array it was made from.
  const readAverage = (tensor: Tensor): TensorRecord => ({ shape: [...tensor.shape], data: engine.read(tensor).slice() });
  const state: NetworkState = {
    names: specs.map((spec) => spec.name),
    lossScale: precision === "float16" ? FIRST_LOSS_SCALE : null,
    parameter: (name) => existing(parameters, name),
    slot: (name, slot) => existing(slots, slotName(name, slot)),
    countStep: (name) => {
      const count = existing(steps, name) + 1;
      steps.set(name, count);
      return count;
    },
    running: (name) => existing(running, name),
    setRunning,
    export: () =>
      new Map<string, TensorRecord>([
        ...Array.from(parameters, ([name, variable]) => [`model.${name}`, readVariable(variable)] as const),
        ...Array.from(running, ([name, tensor]) => [`model.${name}`, readAverage(tensor)] as const),
        ...Array.from(slots, ([name, variable]) => [name, readVariable(variable)] as const),
        ...Array.from(steps, ([name, count]) => [stepsName(name), scalarRecord(count)] as const),
        ...Array.from(scaleScalars(state.lossScale), ([name, value]) => [name, scalarRecord(value)] as const),
      ]),
    import: (records) => {
      const shapes = new Map<string, readonly number[]>([
        ...Array.from(parameters, ([name, variable]) => [`model.${name}`, variable.shape] as const),
        ...Array.from(running, ([name, tensor]) => [`model.${name}`, tensor.shape] as const),
        ...Array.from(slots, ([name, variable]) => [name, variable.shape] as const),
        ...Array.from(steps.keys(), (name) => [stepsName(name), []] as const),
        ...Array.from(scaleScalars(state.lossScale), ([name]) => [name, []] as const),
      ]);
      checkRecords(records, shapes);
      const data = (name: string): Float32Array => existing(records, name).data;
      for (const [name, variable] of parameters) variable.assign(data(`model.${name}`));
      for (const [name, tensor] of running) setRunning(name, runningOf(data(`model.${name}`).slice(), tensor.shape));
      for (const [name, variable] of slots) variable.assign(data(name));
      const scalar = (name: string): number => data(name)[0] as number;
      for (const name of steps.keys()) steps.set(name, scalar(stepsName(name)));
      if (state.lossScale !== null) state.lossScale = { scale: scalar(SCALE), goodSteps: scalar(GOOD_STEPS) };
    },
    dispose: () => {
      for (const variable of [...parameters.values(), ...slots.values()]) variable.dispose();
      for (const tensor of running.values()) tensor.dispose();
    },
  };
  return state;
}

const scalarRecord = (value: number): TensorRecord => ({ shape: [], data: Float32Array.of(value) });

// Names in the state that is written out.
const slotName = (parameter: string, slot: Slot): string => `optimizer.${parameter}.${slot}`;
const stepsName = (parameter: string): string => `optimizer.${parameter}.steps`;
const SCALE = "lossScale.scale";
const GOOD_STEPS = "lossScale.goodSteps";

/** What there is of a loss scale to write, by name: both are whole numbers that float32 holds. */
const scaleScalars = (lossScale: LossScale | null): [name: string, value: number][] =>
  lossScale === null
    ? []
    : [
        [SCALE, lossScale.scale],
        [GOOD_STEPS, lossScale.goodSteps],
      ];

function checkRecords(records: ReadonlyMap<string, TensorRecord>, shapes: ReadonlyMap<string, readonly number[]>): void {
  for (const [name, shape] of shapes) {
    const record = records.get(name);
    if (record === undefined) throw new SaphenaError("CHECKPOINT_INVALID", `it has no ${name}`);
    const fits = record.shape.join() === shape.join() && record.data.length === elementCount(shape);
    if (!fits) throw new SaphenaError("CHECKPOINT_INVALID", `${name} is [${record.shape.join()}] and not [${shape.join()}]`);
  }
  for (const name of records.keys()) {
    if (!shapes.has(name)) throw new SaphenaError("CHECKPOINT_INVALID", `it has ${name}, which this network does not`);
  }
}

function existing<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new SaphenaError("INTERNAL", `the network has no ${name}`);
  return value;
}
