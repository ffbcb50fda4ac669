// Types of index.mjs, written by hand: set-up is plain JavaScript because it runs before anything is installed or built.

/** `SAPHENA_CACHE`, else `$XDG_CACHE_HOME/saphena`, else `~/.cache/saphena`; absolute, possibly not there yet. */
export function cacheFolder(env?: NodeJS.ProcessEnv): string;

/** Every failure of set-up that has a remedy: a code (`SETUP_…`), a message and a hint, meant to be printed without a stack trace. */
export class SetupError extends Error {
  constructor(code: string, message: string, hint: string);
  readonly code: string;
  readonly hint: string;
}
/** `error: CODE: message`, a blank line, `hint: …`, a line end. */
export function formatError(error: unknown): string;

export interface SetupOptions {
  /** Default: `cacheFolder()`. */
  cache?: string;
  /** Where PATH is read from; default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Takes one line of progress; default: stderr. */
  say?: (line: string) => void;
}

export interface RedisServer {
  binary: string;
  /** For example `6.2.14`. */
  version: string;
  source: "path" | "cache";
}
/** A Redis or Valkey server binary (6.2 or newer) that can be started now; never downloads. Runs `--version`, a few milliseconds. */
export function locateRedis(options?: Omit<SetupOptions, "say">): RedisServer | undefined;
/** As `locateRedis`, fetching one into the cache when there is none. Throws `SetupError`. */
export function ensureRedis(options?: SetupOptions): Promise<RedisServer>;

export interface TensorflowFacts {
  /** Holds `libtensorflow_cc.so.2` and `libtensorflow_framework.so.2`. */
  libraryFolder: string;
  /** The file that `require("@tensorflow/tfjs-node-gpu")` loads. */
  bindingPath: string;
  /** For example `2.21.0`. */
  version: string;
  variant: EngineVariant;
}
/** The engine for the CPU, or for NVIDIA GPUs. */
export type EngineVariant = "cpu" | "cuda";
/** Facts without work; `missing` is a sentence. The remedy is `npm run setup` where TensorFlow has a library for the platform. */
export function locateTensorflow(): TensorflowFacts | { missing: string; platformSupported: boolean };
/**
 * Downloads, compiles and installs what is missing, of the variant that this clone has (first: cpu) unless another one is asked for, which
 * is then this clone's. Throws `SetupError`.
 */
export function ensureTensorflow(options?: {
  cache?: string;
  say?: (line: string) => void;
  variant?: EngineVariant;
}): Promise<TensorflowFacts>;
/** Whether there is an engine for NVIDIA GPUs on this platform. */
export function hasCudaVariant(platform?: string): boolean;
/** Bytes that the first set-up of the variant downloads. */
export function downloadBytes(variant: EngineVariant): number;
/** NVIDIA's minimum for the CUDA libraries of the `cuda` variant, such as `525.60.13`. */
export const CUDA_DRIVER_FLOOR: string;

export interface NvidiaGpu {
  /** In the order of nvidia-smi (PCI bus), which is not CUDA's own unless CUDA_DEVICE_ORDER=PCI_BUS_ID. */
  index: number;
  uuid: string;
  name: string;
  /** null where the GPU has no memory of its own. */
  memoryMib: number | null;
}
/** `silent`: nvidia-smi is there and gives no answer. `hardware`: a GPU of NVIDIA is in the machine, with or without a driver. */
export type NvidiaDriver =
  | { kind: "answers"; version: string; gpus: NvidiaGpu[] }
  | { kind: "silent"; said: string }
  | { kind: "absent"; hardware: boolean };
/** Asks nvidia-smi; up to 2 s. */
export function askNvidiaDriver(options?: { env?: NodeJS.ProcessEnv }): Promise<NvidiaDriver>;

/** What TensorFlow itself sees on this machine, asked in a process of its own. */
export type TensorflowProbe =
  | {
      kind: "loaded";
      usesGpu: boolean;
      /** One line each, as TensorFlow names them: `NVIDIA H100 80GB HBM3, 79205 MB, compute capability 9.0`. */
      devices: string[];
      /** What it said about GPUs that it does not use, oldest first. */
      complaints: string[];
    }
  | { kind: "failed"; said: string };
/** Loads the engine in a child process and asks (about 2 s; never throws). */
export function probeTensorflow(options?: { env?: NodeJS.ProcessEnv }): Promise<TensorflowProbe>;
/** The CUDA libraries of the installed engine, and the driver's, that the loader refuses, each with its reason; none for the CPU variant. */
export function unloadableLibraries(options?: { env?: NodeJS.ProcessEnv }): Promise<{ library: string; said: string }[]>;

/** Path of the versitygw binary, or null; never builds. */
export function locateVersitygw(options?: Omit<SetupOptions, "say">): string | null;
/** As `locateVersitygw`, building it with Go when there is none and Go is installed; null when that is not possible. */
export function ensureVersitygw(options?: SetupOptions): Promise<string | null>;

/** One entry for every supported major version of Node; `binary` is null where it is neither the running one nor in the cache. */
export function locateNodeVersions(options?: { cache?: string }): { version: string; binary: string | null }[];
/** Runs the unit tests under `paths` (relative to the clone `root`) with that Node. */
export function testUnderNode(binary: string, root: string, paths: string[]): Promise<{ passed: boolean; summary: string; output: string }>;
