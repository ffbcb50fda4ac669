// The part of the TensorFlow binding that Saphena uses, as types, and the one `require` that loads it.
// The binding's own type declarations pull in every front end of the library, so only what is called is declared here.
import { createRequire } from "node:module";
import { SaphenaError } from "@saphena/contracts";
import { locateTensorflow } from "@saphena/setup";
import { halfTypeOf } from "./attributes.ts";

/** Types of 16 bits: bfloat16 has the range of float32 with 8 bits of precision, float16 a range of 6e-8 to 65504 with 11. */
export type HalfType = "bfloat16" | "float16";

/** A handle to a tensor inside TensorFlow. Whoever receives one from a function of this package must dispose it. */
export interface Tensor {
  readonly shape: number[];
  readonly dtype: string;
  /** Set where the elements are of 16 bits; they cannot be read, only cast. The binding's JavaScript has no name for them: `dtype` says "string". */
  readonly half?: HalfType;
  readonly isDisposed: boolean;
  dispose(): void;
  dataSync(): Float32Array | Int32Array | Uint8Array;
}

/** One attribute of a TensorFlow operation; `type` is the TF_AttrType number of the C API. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: string | number | boolean | readonly number[];
}

/** An output of an operation as the binding tells of it; `dtype` is the TF_DataType number of the C API. */
interface OutputMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export interface NativeBackend {
  readonly binding: {
    readonly TF_Version: string;
    readonly TF_STRING: number;
    executeOp(op: string, attributes: readonly OpAttribute[], inputIds: readonly number[], outputs: number): OutputMetadata[];
  };
  readonly isUsingGpuDevice: boolean;
  getInputTensorIds(tensors: readonly Tensor[]): number[];
  createOutputTensor(output: OutputMetadata): Tensor;
  getNumOfTFTensors(): number;
}

export interface NativeModule {
  backend(): NativeBackend;
  tensor(values: Float32Array | Int32Array, shape: readonly number[], dtype: "float32" | "int32"): Tensor;
  tidy<T>(scope: () => T): T;
  keep<T extends Tensor>(tensor: T): T;
  memory(): { numTensors: number; numBytes: number };
}

/**
 * Loads the native library.
 * @throws SaphenaError ENGINE_MISSING with what set-up finds missing, or else the first line of what the loader had to say
 */
export function loadNative(load: () => NativeModule = requireNative): NativeModule {
  try {
    return load();
  } catch (cause) {
    const facts = locateTensorflow();
    const said = cause instanceof Error ? (cause.message.split("\n", 1)[0] ?? "") : String(cause);
    throw new SaphenaError("ENGINE_MISSING", "missing" in facts ? facts.missing : said.trim(), { cause });
  }
}

function requireNative(): NativeModule {
  const require = createRequire(import.meta.url);
  restoreRemovedNodeFunction(require("node:util") as Record<string, unknown>);
  return require("@tensorflow/tfjs-node-gpu") as NativeModule;
}

/** Node 23 removed `util.isNullOrUndefined`, which the binding's JavaScript still calls. */
export function restoreRemovedNodeFunction(util: Record<string, unknown>): void {
  util["isNullOrUndefined"] ??= (value: unknown) => value === null || value === undefined;
}

/**
 * Runs one operation; what `executeMultipleOutputs` of the backend does, and half types too. The backend knows no such type and refuses
 * it: it is shown a type without a size that it can count, and the tensor carries the true one.
 */
export function executeNative(
  backend: NativeBackend,
  op: string,
  attributes: readonly OpAttribute[],
  inputs: readonly Tensor[],
  outputs: number,
): Tensor[] {
  return backend.binding.executeOp(op, attributes, backend.getInputTensorIds(inputs), outputs).map((output) => {
    const half = halfTypeOf(output.dtype);
    if (half === undefined) return backend.createOutputTensor(output);
    return Object.assign(backend.createOutputTensor({ ...output, dtype: backend.binding.TF_STRING }), { half });
  });
}

/** What TensorFlow refused, as one error; running out of memory has its own code, because another try or a smaller batch may do. */
export function nativeError(op: string, cause: unknown): SaphenaError {
  const text = cause instanceof Error ? cause.message.replace(/\s+/g, " ") : String(cause);
  const outOfMemory = /OOM when allocating|RESOURCE_EXHAUSTED|Invalid TF_Status: 8\b|bad_alloc/.test(text);
  return new SaphenaError(outOfMemory ? "OUT_OF_MEMORY" : "INTERNAL", `${op}: ${text}`, { cause });
}
