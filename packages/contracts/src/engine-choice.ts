// Which engine computes: native TensorFlow, or its WASM stand-in where native cannot be had. One decision for the worker that refuses to
// start without an engine, the trainer that loads it, and `saphena doctor`.
export const ENGINE_NAMES = ["native", "wasm"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** What SAPHENA_KERNELS may say: Saphena's own kernels where they run, those for AVX2 on any processor, or TensorFlow's alone. */
export const KERNEL_CHOICES = ["own", "avx2", "tensorflow"] as const;

/** What is known of native TensorFlow on this machine, as `locateTensorflow` of @saphena/setup tells it. */
export type NativeFacts = object | { missing: string; platformSupported: boolean };

export type EngineChoice =
  | { engine: "native" }
  /** `notice` says what that costs; it belongs into every run's log. */
  | { engine: "wasm"; notice: string }
  | { engine: "none"; missing: string };

/**
 * How many times longer a training step takes on WASM than on native TensorFlow: 5.9 for 64 px, 16 filters, depth 4, and 7.6 for 128 px,
 * 32 filters, depth 5 (processor time, one thread each, batch 8, a machine with AVX-512; it takes 0.4 to 0.7 of the memory).
 */
export const WASM_SLOWDOWN = "6 to 8";

/**
 * `requested` (SAPHENA_ENGINE) decides where it is given. Otherwise native; and WASM only on a platform that native TensorFlow does not
 * exist for. Where it exists but is not set up, or is broken, nothing is chosen: one command mends that, and an engine that takes its
 * place in silence would cost days of computing.
 */
export function chooseEngine(requested: EngineName | undefined, native: NativeFacts): EngineChoice {
  if (requested === "wasm") return { engine: "wasm", notice: slowness("as SAPHENA_ENGINE asks") };
  if (!("missing" in native)) return { engine: "native" };
  if (requested === "native" || native.platformSupported) return { engine: "none", missing: native.missing };
  return { engine: "wasm", notice: slowness(native.missing) };
}

const slowness = (reason: string): string =>
  `training on the WASM engine (${reason}): about ${WASM_SLOWDOWN} times slower than native TensorFlow, as measured in docs/performance.md`;
