// Compiles the Node binding of TensorFlow: the sources that @tensorflow/tfjs-node-gpu ships, and Saphena's own kernels
// (packages/tf/native), which the binding registers as operations when it is loaded.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { lastLines, runCommand } from "./command.mjs";
import { SetupError } from "./error.mjs";
import { TENSORFLOW_VERSION, platformKey } from "./pins.mjs";
import { provision } from "./provision.mjs";
import { withProgress } from "./progress.mjs";
import { notices } from "./tensorflow-library.mjs";
import { requireCompiler } from "./toolchain.mjs";

/** `napi-v8` is the newest that the package names, and every Node from 20 offers it. */
export const NAPI_VERSION = 8;
/** Raised with every change of what the kernels take or give, so that a binding of another version is not used. */
export const KERNEL_INTERFACE = 3;
const OBJECTS = "objects";
const KERNELS = join(import.meta.dirname, "..", "..", "packages", "tf", "native");
const COMMON_FLAGS = ["-std=c++17", "-fPIC", "-c"];
const BINDING_FLAGS = ["-O2", `-DNAPI_VERSION=${NAPI_VERSION}`];
const KERNEL_FLAGS = ["-O3", "-fvisibility=hidden"];
/** Which of the kernels runs is decided on the machine that trains, by its processor; every other source is for any. */
const INSTRUCTION_FLAGS = {
  "kernels-avx2.cc": ["-mavx2", "-mfma"],
  "kernels-avx512.cc": ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mfma"],
};
/** `nodelete`: TensorFlow calls the kernels until the process ends, later than Node unloads the libraries of a thread that has ended. */
const LINK_FLAGS = ["-shared", "-pthread", "-Wl,-z,nodelete"];

/** Path of the compiled binding in the cache; compiles it unless it is there (about 20 s). */
export async function ensureBinding(folders, { cache, say }) {
  const units = compileUnits(folders);
  const build = async (staging) => {
    say("compiling the TensorFlow binding (about 20 s, once per machine)");
    const work = async () => {
      await mkdir(join(staging, OBJECTS));
      await Promise.all(units.map((unit) => compile([...unit.flags, unit.source, "-o", objectPath(staging, unit)])));
      await compile(linkArguments(units, staging, folders.libraryFolder));
      await rm(join(staging, OBJECTS), { recursive: true });
    };
    await withProgress(work, { say, line: () => "still compiling the TensorFlow binding" });
    return { files: ["tfjs_binding.node"], facts: { compiler: requireCompiler(), libraryFolder: folders.libraryFolder } };
  };
  const folder = await provision(`tensorflow-binding/${bindingKey(units, folders)}`, build, { cache, ...notices(say) });
  return join(folder, "tfjs_binding.node");
}

function compileUnits({ packageFolder, napiHeaders, libraryFolder }) {
  const tensorflowHeaders = ["-I", join(libraryFolder, "include")];
  const bindingFlags = [...COMMON_FLAGS, ...BINDING_FLAGS, ...tensorflowHeaders, "-I", packageFolder, "-I", join(napiHeaders, "include")];
  const kernelFlags = [...COMMON_FLAGS, ...KERNEL_FLAGS, "-I", join(KERNELS, "include"), ...tensorflowHeaders];
  const binding = filesOf(join(packageFolder, "binding"), /\.cc$/).map((source) => ({ source, flags: bindingFlags }));
  if (process.arch !== "x64") return binding; // TensorFlow's kernels are all there is then
  const kernels = filesOf(KERNELS, /\.cc$/).map((source) => ({
    source,
    flags: [...kernelFlags, ...(INSTRUCTION_FLAGS[basename(source)] ?? [])],
  }));
  return [...kernels, ...binding];
}

function filesOf(folder, pattern) {
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  return names.sort().map((name) => join(folder, name));
}

function objectPath(staging, { source }) {
  return join(staging, OBJECTS, `${basename(source)}.o`);
}

function linkArguments(units, staging, libraryFolder) {
  const objects = units.map((unit) => objectPath(staging, unit));
  const libraries = ["-L", libraryFolder, "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2", `-Wl,-rpath,${libraryFolder}`];
  return [...LINK_FLAGS, ...objects, ...libraries, "-o", join(staging, "tfjs_binding.node")];
}

async function compile(args) {
  const compiler = requireCompiler();
  const done = await runCommand(compiler, args);
  if (done.code === 0) return;
  throw new SetupError(
    "SETUP_COMPILE_FAILED",
    `${compiler} failed on the TensorFlow binding: ${lastLines(done.output)}`,
    "it needs C++17 (g++ 9 or clang 10 and newer); set CXX to name another compiler",
  );
}

/** Everything the compiled file depends on; the library's path is in it because the binding carries it as its rpath. */
function bindingKey(units, { packageFolder, libraryFolder }) {
  const hash = createHash("sha256");
  for (const folder of [join(packageFolder, "binding"), KERNELS])
    for (const path of filesOf(folder, /\.(cc|h)$/)) hash.update(basename(path)).update(readFileSync(path));
  const flags = units.map((unit) => [basename(unit.source), unit.flags]);
  hash.update(JSON.stringify([TENSORFLOW_VERSION, platformKey(), flags, LINK_FLAGS, libraryFolder]));
  return `${TENSORFLOW_VERSION}-napi${NAPI_VERSION}-${hash.digest("hex").slice(0, 16)}`;
}
