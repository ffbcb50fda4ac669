// The WASM backend of TensorFlow.js: the part of it that is used, as types, and its start. It is called kernel by kernel and never
// through TensorFlow.js' own engine, whose one active backend belongs to native TensorFlow where a process holds both.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { SaphenaError } from "@saphena/contracts";

export type DataType = "float32" | "int32" | "resource";

/** A tensor as kernels see it: `dataId` is the key of its reference-counted memory. Of a resource it is the key of the variable. */
export interface TensorData {
  readonly dataId: object;
  readonly shape: number[];
  readonly dtype: DataType;
}

export interface WasmBackend {
  readonly wasm: { readonly HEAPU8: Uint8Array; _malloc(bytes: number): number };
  write(values: Float32Array | Int32Array | null, shape: readonly number[], dtype: DataType): object;
  getMemoryOffset(dataId: object): number;
  incRef(dataId: object): void;
  refCount(dataId: object): number;
  /** Whether that freed the memory. */
  disposeData(dataId: object): boolean;
}

export interface KernelCall {
  readonly inputs: Readonly<Record<string, TensorData>> | readonly TensorData[];
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly backend: WasmBackend;
}

export interface KernelConfig {
  kernelName: string;
  backendName: "wasm";
  setupFunc?: (backend: WasmBackend) => void;
  kernelFunc: (call: KernelCall) => TensorData;
}

interface Core {
  version_core: string;
  env(): { set(flag: string, value: boolean): void };
  findBackendFactory(name: string): () => Promise<WasmBackend>;
  getKernelsForBackend(name: string): KernelConfig[];
  registerKernel(config: KernelConfig): void;
}

interface WasmPackage {
  setWasmPaths(prefix: string): void;
  setThreadsCount(threads: number): void;
}

export interface StartedBackend {
  readonly version: string;
  readonly backend: WasmBackend;
  readonly kernels: ReadonlyMap<string, KernelConfig["kernelFunc"]>;
  /** What the library has complained about since the last call. It reports a kernel that failed in words only, and computes on. */
  takeComplaints(): string[];
}

/**
 * Starts the SIMD build on one thread from the files of the npm package, 15 ms, with the kernels of `additional` registered beside its own.
 * The threaded build does not start under Node: it makes its workers from Blob URLs, which Node refuses.
 * @throws SaphenaError ENGINE_MISSING
 */
export async function startBackend(additional: readonly KernelConfig[]): Promise<StartedBackend> {
  const require = createRequire(import.meta.url);
  const complaints: string[] = [];
  try {
    const core = require("@tensorflow/tfjs-core") as Core;
    const wasm = require("@tensorflow/tfjs-backend-wasm") as WasmPackage;
    wasm.setWasmPaths(join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")), "/"));
    wasm.setThreadsCount(1);
    core.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    const backend = await leavingProcessAlone(complaints, core.findBackendFactory("wasm"));
    refuseFailedAllocations(backend);
    for (const config of additional) core.registerKernel(config);
    const configs = core.getKernelsForBackend("wasm");
    for (const config of configs) config.setupFunc?.(backend);
    return {
      version: core.version_core,
      backend,
      kernels: new Map(configs.map((config) => [config.kernelName, config.kernelFunc])),
      takeComplaints: () => complaints.splice(0),
    };
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
    throw new SaphenaError("ENGINE_MISSING", `the WASM backend does not start: ${said}`, { cause });
  }
}

/**
 * Emscripten's start-up binds `console.log` and `console.warn` as it finds them, and adds process listeners that rethrow. The first are
 * diverted, so that complaints can become errors; the second are taken off again, because ending a process is not a library's business.
 */
async function leavingProcessAlone<T>(complaints: string[], start: () => Promise<T>): Promise<T> {
  const { log, warn } = console;
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => process.rawListeners(event));
  const divert = (...words: unknown[]): void => void complaints.push(words.map(String).join(" "));
  Object.assign(console, { log: divert, warn: divert });
  try {
    return await start();
  } finally {
    Object.assign(console, { log, warn });
    events.forEach((event, index) => {
      for (const listener of process.rawListeners(event))
        if (!before[index]?.includes(listener)) process.removeListener(event, listener as () => void);
    });
  }
}

/**
 * The backend takes whatever address it gets. A full heap (4 GB) gives null, a request beyond 32 bits one that is cut off, and the last
 * request of a nearly full heap memory that is not there (dlmalloc's end of heap wraps around): all are an error in TensorFlow's words.
 */
function refuseFailedAllocations(backend: WasmBackend): void {
  backend.wasm._malloc(0); // a stub until its first call, which would put the real function in this one's place
  const allocate = backend.wasm._malloc;
  backend.wasm._malloc = (bytes) => {
    const address = bytes < 2 ** 32 ? allocate(bytes) >>> 0 : 0;
    const failed = address === 0 || address + bytes > backend.wasm.HEAPU8.length;
    if (failed && bytes > 0) throw new Error(`OOM when allocating ${bytes} bytes of WASM memory`);
    return address;
  };
}
