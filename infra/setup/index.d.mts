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
  variant: "cpu" | "cuda";
}
/** Facts without work; `missing` is a sentence. The remedy is `npm run setup` where TensorFlow has a library for the platform. */
export function locateTensorflow(): TensorflowFacts | { missing: string; platformSupported: boolean };
/** Downloads, compiles and installs what is missing. Throws `SetupError`. */
export function ensureTensorflow(options?: { cache?: string; say?: (line: string) => void }): Promise<TensorflowFacts>;

/** Path of the versitygw binary, or null; never builds. */
export function locateVersitygw(options?: Omit<SetupOptions, "say">): string | null;
/** As `locateVersitygw`, building it with Go when there is none and Go is installed; null when that is not possible. */
export function ensureVersitygw(options?: SetupOptions): Promise<string | null>;
