// The slow part of loading the engine, which depends on no run: 0.2 s to open the library and 0.2 s to read the binding's JavaScript.
// A process that waits for its run does it ahead; `loadEngine` then takes some milliseconds on a CPU.
import { createRequire } from "node:module";
import { constants } from "node:os";
import { join } from "node:path";
import { locateTensorflow } from "@saphena/setup";
import { setLibraryDefaults, wasmRequested } from "./environment.ts";

/** Linux: keep what is opened in memory until the process ends. Node's constants leave it out. */
const RTLD_NODELETE = 0x1000;
const LIBRARIES = ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"];
/** What the package's entry requires before it opens the binding, which makes a context and with it touches the device. */
const MODULES = [
  "./register_all_kernels",
  "@tensorflow/tfjs",
  "./callbacks",
  "./io/index",
  "./nodejs_kernel_backend",
  "./node",
  "@mapbox/node-pre-gyp",
];

/**
 * Opens the library and reads the modules, in the thread that will compute. Touches no device, and leaves the number of threads open.
 * Where it is not the engine to come or is not set up this does nothing: `loadEngine` tells what is missing.
 *
 * The library then stays until the process ends. Node would unload it with the thread that opened it, but TensorFlow has registered
 * functions to be called when the process ends: without this the exit is a crash.
 */
export function preloadEngine(): void {
  const facts = locateTensorflow();
  if ("missing" in facts || wasmRequested()) return;
  setLibraryDefaults();
  if (process.platform === "linux") for (const name of LIBRARIES) openForGood(join(facts.libraryFolder, name));
  const require = createRequire(createRequire(import.meta.url).resolve("@tensorflow/tfjs-node-gpu"));
  for (const name of MODULES) require(name);
}

function openForGood(path: string): void {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
  } catch (error) {
    // Node opens it, finds that it is no addon, and says so. What cannot be opened at all, `loadEngine` tells.
    if ((error as NodeJS.ErrnoException).code !== "ERR_DLOPEN_FAILED") throw error;
  }
}
