// What the TensorFlow library reads from the process environment, set once before it is loaded: after that it is deaf.
// The only place of this package that touches the environment.
import { ENGINE_NAMES, KERNEL_CHOICES, SaphenaError, type EngineName } from "@saphena/contracts";

/** Settings the library takes when it loads. */
export interface LibrarySettings {
  /** CPU threads for one operation. Results differ in their last bits between thread counts. */
  threads: number;
}

/** Sets the library's environment. A variable the user has set stays, except for the thread counts, which the caller owns. */
export function prepareEnvironment(settings: LibrarySettings): void {
  process.env["TF_NUM_INTRAOP_THREADS"] = String(settings.threads);
  process.env["TF_NUM_INTEROP_THREADS"] = String(settings.threads);
  process.env["OMP_NUM_THREADS"] = String(settings.threads);
  setLibraryDefaults();
}

/** What does not depend on the run. Threads do, and are read when the library makes its first context. */
export function setLibraryDefaults(): void {
  for (const [name, value] of Object.entries(DEFAULTS)) process.env[name] ??= value;
}

/** The engine the user asks for. @throws SaphenaError ENVIRONMENT_INVALID */
export function requestedEngine(): EngineName | undefined {
  return choiceIn("SAPHENA_ENGINE", ENGINE_NAMES);
}

/** What a variable says; undefined where it is not set or empty. @throws SaphenaError ENVIRONMENT_INVALID */
function choiceIn<const T extends string>(variable: string, choices: readonly T[]): T | undefined {
  const given = process.env[variable];
  if (given === undefined || given === "") return undefined;
  const known = choices.find((choice) => choice === given);
  if (known === undefined) throw new SaphenaError("ENVIRONMENT_INVALID", `${variable} is ${given}, and not ${choices.join(" or ")}`);
  return known;
}

/** CUDA_VISIBLE_DEVICES, which CUDA itself reads; null = not set. */
export function visibleDevices(): string | null {
  return process.env["CUDA_VISIBLE_DEVICES"] ?? null;
}

/** As `requestedEngine`, without a word about what is not valid. */
export function wasmRequested(): boolean {
  return process.env["SAPHENA_ENGINE"] === "wasm";
}

/** Whether the user switched off the vendor kernels, which changes results and doubles the step (205 ms instead of 105). */
export function vendorKernelsOff(): boolean {
  return process.env["TF_ENABLE_ONEDNN_OPTS"] === "0";
}

/** Whether the user wants TensorFlow's kernels alone: for comparing, and for finding out whether Saphena's own are at fault. */
export function ownKernelsOff(): boolean {
  return choiceIn("SAPHENA_KERNELS", KERNEL_CHOICES) === "tensorflow";
}

const DEFAULTS: Readonly<Record<string, string>> = {
  TF_CPP_MIN_LOG_LEVEL: "2",
  // Equal seeds must give equal bits on a GPU, too.
  TF_DETERMINISTIC_OPS: "1",
  // Several processes may share one GPU; the library would otherwise take all of its memory at once.
  TF_FORCE_GPU_ALLOW_GROWTH: "true",
};
