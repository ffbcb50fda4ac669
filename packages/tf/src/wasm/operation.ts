// An operation of the WASM engine, and reading its attributes.
import type { OpAttribute } from "../native.ts";
import type { TensorData } from "./backend.ts";
import type { WasmContext } from "./context.ts";

/** A TensorFlow operation. It owns none of its inputs and hands over its outputs. */
export type Operation = (context: WasmContext, inputs: readonly TensorData[], attributes: Attributes) => TensorData[];

export interface Attributes {
  number(name: string): number;
  numbers(name: string): readonly number[];
  string(name: string): string;
  /** False where it is not given, as for every attribute of TensorFlow that is used here. */
  flag(name: string): boolean;
}

export function attributesOf(list: readonly OpAttribute[]): Attributes {
  const value = (name: string): OpAttribute["value"] | undefined => list.find((attribute) => attribute.name === name)?.value;
  const wrong = (name: string): never => {
    throw new Error(`attribute ${name} is ${JSON.stringify(value(name))}`);
  };
  return {
    number: (name) => {
      const given = value(name);
      return typeof given === "number" ? given : wrong(name);
    },
    numbers: (name) => {
      const given = value(name);
      return typeof given === "object" ? given : wrong(name);
    },
    string: (name) => {
      const given = value(name);
      return typeof given === "string" ? given : wrong(name);
    },
    flag: (name) => value(name) === true,
  };
}

/** Inputs by position; the engine's callers always give as many as the operation has. */
export function inputAt(inputs: readonly TensorData[], index: number): TensorData {
  const input = inputs[index];
  if (input === undefined) throw new Error(`input ${index} is missing`);
  return input;
}
