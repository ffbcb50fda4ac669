// The engine: TensorFlow loaded once into this process, behind the few verbs that everything else is built from. Native TensorFlow is
// below; its stand-in on WASM is wasm/engine.ts.
// Nothing is loaded when this module is imported, so a parent process can import types and never pay for the library.
import { chooseEngine, SaphenaError, type EngineName } from "@saphena/contracts";
import { locateTensorflow } from "@saphena/setup";
import { ownKernelsOff, prepareEnvironment, requestedEngine, vendorKernelsOff } from "./environment.ts";
import { fingerprintOf, supportsOwnKernels, type EngineFingerprint } from "./fingerprint.ts";
import { halfSupportOf, type HalfSupport } from "./element-type.ts";
import { executeNative, loadNative, nativeError, type NativeModule, type OpAttribute, type Tensor } from "./native.ts";

export interface EngineOptions {
  /** CPU threads for one operation; one a trial gives the best throughput of a machine (measured: 1.4 times). */
  threads: number;
  /** Default: what SAPHENA_ENGINE says, else the best there is (`chooseEngine` of @saphena/contracts). */
  engine?: EngineName;
}

export interface EngineMemory {
  /** Tensors that are alive, and the bytes of their contents: without those of resource variables and of half precision. */
  tensors: number;
  tensorBytes: number;
  /** Resident set of this process. */
  rssBytes: number;
}

/**
 * Tensors are handles to memory outside the JavaScript heap: nothing frees them but `dispose`, or the end of the `tidy`
 * they were made in. All operations of one engine belong to one thread.
 */
export interface Engine {
  readonly fingerprint: EngineFingerprint;
  /** What the user of a run should know about this engine; null for native TensorFlow. */
  readonly notice: string | null;
  /** Whether Saphena's own kernels are there (native/): they replace several kernels of TensorFlow, or one at several times its speed. */
  readonly ownKernels: boolean;
  /** What half precision is worth here. */
  readonly half: HalfSupport;
  /** Runs one TensorFlow operation. The caller owns the outputs. */
  execute(op: string, attributes: readonly OpAttribute[], inputs: readonly Tensor[], outputs: number): Tensor[];
  /** As `execute` for an operation with one output. */
  run(op: string, attributes: readonly OpAttribute[], ...inputs: Tensor[]): Tensor;
  /** A tensor of these values. The array is not copied at once: leave it unchanged while the tensor lives. */
  tensor(values: Float32Array | Int32Array, shape: readonly number[]): Tensor;
  scalar(value: number): Tensor;
  /** The values of a float32 tensor, copied. Waits until the device has computed them. */
  read(tensor: Tensor): Float32Array;
  /** Runs `scope` and disposes every tensor made in it, except those it returns or gave to `keep`. */
  tidy<T>(scope: () => T): T;
  keep(tensor: Tensor): Tensor;
  memory(): EngineMemory;
}

/** The same engine computing with TensorFlow's kernels alone: what Saphena's own are checked against. */
export function withoutOwnKernels(engine: Engine): Engine {
  return { ...engine, ownKernels: false };
}

const loaded = new Map<EngineName, { engine: Promise<Engine>; threads: number }>();

/**
 * Loads TensorFlow into this process (about 1 s) and returns the engine; a second call returns the same one.
 * @throws SaphenaError ENGINE_MISSING when the library or its binding is not set up, ENVIRONMENT_INVALID, and INTERNAL when the
 * process already runs an engine with another number of threads (the library reads that number only once).
 */
export async function loadEngine(options: EngineOptions): Promise<Engine> {
  const { threads } = options;
  if (!Number.isInteger(threads) || threads < 1) throw new SaphenaError("INTERNAL", `an engine needs 1 or more threads, not ${threads}`);
  const choice = chooseEngine(options.engine ?? requestedEngine(), locateTensorflow());
  if (choice.engine === "none") throw new SaphenaError("ENGINE_MISSING", choice.missing);
  const known = loaded.get(choice.engine);
  if (known !== undefined && known.threads !== threads)
    throw new SaphenaError("INTERNAL", `this process runs its engine with ${known.threads} threads and cannot change to ${threads}`);
  const engine = known?.engine ?? (choice.engine === "wasm" ? startWasm(choice.notice, threads) : startNative(threads));
  loaded.set(choice.engine, { engine, threads });
  try {
    return await engine;
  } catch (error) {
    loaded.delete(choice.engine); // what failed may be mended
    throw error;
  }
}

async function startNative(threads: number): Promise<Engine> {
  prepareEnvironment({ threads });
  return createEngine(loadNative(), threads);
}

async function startWasm(notice: string, threads: number): Promise<Engine> {
  const { createWasmEngine } = await import("./wasm/engine.ts");
  return createWasmEngine(threads === 1 ? notice : `${notice}; it uses one thread, not ${threads}`);
}

function createEngine(native: NativeModule, threads: number): Engine {
  const backend = native.backend();
  const execute: Engine["execute"] = (op, attributes, inputs, outputs) => {
    try {
      return executeNative(backend, op, attributes, inputs, outputs);
    } catch (cause) {
      throw nativeError(op, cause);
    }
  };
  const usesGpu = backend.isUsingGpuDevice;
  const ownKernels = !usesGpu && !ownKernelsOff() && supportsOwnKernels();
  const fingerprint = fingerprintOf({
    tensorflowVersion: backend.binding.TF_Version,
    usesGpu,
    threads,
    vendorKernelsOff: vendorKernelsOff(),
    ownKernels,
  });
  return {
    fingerprint,
    notice: null,
    ownKernels,
    half: halfSupportOf({ usesGpu, instructionSet: fingerprint.instructionSet }),
    execute,
    run: (op, attributes, ...inputs) => execute(op, attributes, inputs, 1)[0] as Tensor,
    tensor: (values, shape) => native.tensor(values, shape, values instanceof Int32Array ? "int32" : "float32"),
    scalar: (value) => native.tensor(Float32Array.of(value), [], "float32"),
    read: (tensor) => {
      if (tensor.half !== undefined) throw new SaphenaError("INTERNAL", `a ${tensor.half} tensor was read as float32`);
      const values = tensor.dataSync();
      if (!(values instanceof Float32Array)) throw new SaphenaError("INTERNAL", `a ${tensor.dtype} tensor was read as float32`);
      return values;
    },
    tidy: (scope) => native.tidy(scope),
    keep: (tensor) => native.keep(tensor),
    memory: () => ({ tensors: native.memory().numTensors, tensorBytes: native.memory().numBytes, rssBytes: process.memoryUsage.rss() }),
  };
}
