// The part of the TensorFlow binding that Saphena uses, as types, and the one `require` that loads it.
// The binding's own type declarations pull in every front end of the library, so only what is called is declared here.
import { createRequire } from "node:module";
import { SaphenaError } from "@saphena/contracts";
import { locateTensorflow } from "@saphena/setup";

/** A handle to a tensor inside TensorFlow. Whoever receives one from a function of this package must dispose it. */
export interface Tensor {
  readonly shape: number[];
  readonly dtype: string;
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

interface NativeBackend {
  readonly binding: { readonly TF_Version: string };
  readonly isUsingGpuDevice: boolean;
  executeMultipleOutputs(op: string, attributes: readonly OpAttribute[], inputs: readonly Tensor[], outputs: number): Tensor[];
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

/** What TensorFlow refused, as one error; running out of memory has its own code, because another try or a smaller batch may do. */
export function nativeError(op: string, cause: unknown): SaphenaError {
  const text = cause instanceof Error ? cause.message.replace(/\s+/g, " ") : String(cause);
  const outOfMemory = /OOM when allocating|RESOURCE_EXHAUSTED|Invalid TF_Status: 8\b|bad_alloc/.test(text);
  return new SaphenaError(outOfMemory ? "OUT_OF_MEMORY" : "INTERNAL", `${op}: ${text}`, { cause });
}
