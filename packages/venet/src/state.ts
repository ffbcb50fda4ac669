// The numbers a network is: parameters and momentum as variables inside TensorFlow, running averages as tensors. Knows how to
// write them all out and take them all in, bit for bit.
import { SaphenaError } from "@saphena/contracts";
import { createVariable, type Engine, type ResourceVariable, type Tensor } from "@saphena/tf";
import type { NetworkConfig } from "./config.ts";
import { initialValue } from "./initialisation.ts";
import { elementCount, parameterSpecs, runningAverageSpecs } from "./parameters.ts";

export interface TensorRecord {
  shape: number[];
  data: Float32Array;
}

export interface NetworkState {
  readonly names: readonly string[];
  parameter(name: string): ResourceVariable;
  momentum(name: string): ResourceVariable;
  running(name: string): Tensor;
  /** Takes over a new running average and disposes the old one. */
  setRunning(name: string, value: Tensor): void;
  /** Everything, in a stable order: `model.<parameter>`, `model.<running average>`, `optimizer.<parameter>.momentum`. */
  export(): Map<string, TensorRecord>;
  /** @throws SaphenaError CHECKPOINT_INVALID when a name is missing, unknown or has another shape; nothing is changed then. */
  import(records: ReadonlyMap<string, TensorRecord>): void;
  dispose(): void;
}

export function createState(engine: Engine, config: NetworkConfig, seed: number): NetworkState {
  const specs = parameterSpecs(config);
  const parameters = new Map(specs.map((spec) => [spec.name, createVariable(engine, spec.shape, initialValue(spec, seed))]));
  const momenta = new Map(specs.map((spec) => [spec.name, createVariable(engine, spec.shape, new Float32Array(elementCount(spec.shape)))]));
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
  return {
    names: specs.map((spec) => spec.name),
    parameter: (name) => existing(parameters, name),
    momentum: (name) => existing(momenta, name),
    running: (name) => existing(running, name),
    setRunning,
    export: () =>
      new Map<string, TensorRecord>([
        ...Array.from(parameters, ([name, variable]) => [`model.${name}`, readVariable(variable)] as const),
        ...Array.from(running, ([name, tensor]) => [`model.${name}`, readAverage(tensor)] as const),
        ...Array.from(momenta, ([name, variable]) => [`optimizer.${name}.momentum`, readVariable(variable)] as const),
      ]),
    import: (records) => {
      const shapes = new Map<string, readonly number[]>([
        ...Array.from(parameters, ([name, variable]) => [`model.${name}`, variable.shape] as const),
        ...Array.from(running, ([name, tensor]) => [`model.${name}`, tensor.shape] as const),
        ...Array.from(momenta, ([name, variable]) => [`optimizer.${name}.momentum`, variable.shape] as const),
      ]);
      checkRecords(records, shapes);
      const data = (name: string): Float32Array => existing(records, name).data;
      for (const [name, variable] of parameters) variable.assign(data(`model.${name}`));
      for (const [name, tensor] of running) setRunning(name, runningOf(data(`model.${name}`).slice(), tensor.shape));
      for (const [name, variable] of momenta) variable.assign(data(`optimizer.${name}.momentum`));
    },
    dispose: () => {
      for (const variable of [...parameters.values(), ...momenta.values()]) variable.dispose();
      for (const tensor of running.values()) tensor.dispose();
    },
  };
}

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
