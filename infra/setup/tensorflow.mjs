// The native engine: the TensorFlow C library (tensorflow-library.mjs), and the Node binding compiled against it from the sources that
// @tensorflow/tfjs-node-gpu ships. Both live in the cache; only the 100 KB binding is copied into node_modules. Which variant it is
// compiled against makes it the engine for the CPU or for NVIDIA GPUs.
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { lastLines, runCommand } from "./command.mjs";
import { SetupError } from "./error.mjs";
import { chooseVariant, recordVariant, recordedVariant } from "./engine-variant.mjs";
import { TENSORFLOW_VERSION, TENSORFLOW_WHEELS, platformKey } from "./pins.mjs";
import { cacheFolder, readIfThere } from "./provision.mjs";
import { sayOnStderr } from "./progress.mjs";
import { KERNEL_INTERFACE, NAPI_VERSION, ensureBinding } from "./tensorflow-binding.mjs";
import { TENSORFLOW_LIBRARIES, ensureTensorflowLibrary, locateTensorflowLibrary } from "./tensorflow-library.mjs";

const CLONE = join(import.meta.dirname, "..", "..");
/** Loads the engine and computes one sum; `util.isNullOrUndefined` left Node in 23, and the package still calls it. */
const LOAD_CHECK = `
require("node:util").isNullOrUndefined ??= (value) => value === null || value === undefined;
const tf = require(process.argv[1]);
if (tf.add(1, 2).dataSync()[0] !== 3) throw new Error("1 + 2 is not 3");
`;
/** No GPU: whether the library loads must not depend on how full a card is. */
const LOAD_CHECK_ENVIRONMENT = { TF_CPP_MIN_LOG_LEVEL: "3", CUDA_VISIBLE_DEVICES: "-1" };

/**
 * What is there, without doing work: the library's folder, the binding that `require("@tensorflow/tfjs-node-gpu")` will load, its version
 * and variant; or the reason why training cannot start. It follows the note beside the installed binding, not `SAPHENA_CACHE`: the
 * binding loads the library it was compiled for, wherever the environment points now.
 */
export function locateTensorflow() {
  const facts = locatedTensorflow();
  return "missing" in facts ? { ...facts, platformSupported: TENSORFLOW_WHEELS[platformKey()] !== undefined } : facts;
}

function locatedTensorflow() {
  const packageFolder = findPackage("@tensorflow/tfjs-node-gpu");
  if (packageFolder === undefined) return { missing: "the npm packages are not installed" };
  const bindingPath = installedBindingPath(packageFolder);
  const note = readNote(bindingPath);
  if (note === undefined || !existsSync(bindingPath)) return { missing: "the TensorFlow binding is not installed" };
  if (note.kernelInterface !== KERNEL_INTERFACE) return { missing: "the TensorFlow binding was compiled for another version of Saphena" };
  if (!TENSORFLOW_LIBRARIES.every((path) => existsSync(join(note.libraryFolder, basename(path)))))
    return { missing: `the TensorFlow library is not in ${note.libraryFolder} any more` };
  return { libraryFolder: note.libraryFolder, bindingPath, version: note.version, variant: note.variant };
}

/** The variant that `ensureTensorflow` will make sure of: the one asked for, else the one this clone has. */
export function tensorflowVariant({ cache = cacheFolder(), requested } = {}) {
  const facts = locateTensorflow();
  return chooseVariant({ requested, recorded: recordedVariant(CLONE, cache), installed: "missing" in facts ? undefined : facts.variant });
}

/**
 * Everything: library in the cache, binding compiled, checked and at its place in node_modules. Another `variant` than before replaces it,
 * once it was seen to load; processes that run go on with the old one. Returns the facts of `locateTensorflow`.
 */
export async function ensureTensorflow({ cache = cacheFolder(), say = sayOnStderr, variant } = {}) {
  const chosen = tensorflowVariant({ cache, requested: variant });
  const libraryFolder = await ensureTensorflowLibrary(chosen, { cache, say });
  const packageFolder = findPackage("@tensorflow/tfjs-node-gpu");
  if (packageFolder === undefined)
    throw new SetupError("SETUP_PACKAGES_MISSING", "the npm packages are not installed", "run: npm run setup");
  const napiHeaders = findPackage("node-api-headers");
  if (napiHeaders === undefined) throw new SetupError("SETUP_PACKAGES_MISSING", "node-api-headers is not installed", "run: npm run setup");
  const compiled = await ensureBinding({ packageFolder, napiHeaders, libraryFolder }, { cache, say });
  await installBinding(compiled, packageFolder, {
    libraryFolder,
    version: TENSORFLOW_VERSION,
    variant: chosen,
    kernelInterface: KERNEL_INTERFACE,
  });
  await recordVariant(CLONE, cache, chosen);
  return { ...locateTensorflow() };
}

/** Whether `ensureTensorflow` would have to download or to compile: what a preflight asks before minutes are spent. */
export function tensorflowWork(variant, { cache = cacheFolder() } = {}) {
  const library = locateTensorflowLibrary(variant, cache);
  const facts = locateTensorflow();
  const bindings = join(cache, "items", "tensorflow-binding");
  const isInstalled = library !== undefined && facts.libraryFolder === library;
  const hasBinding = isInstalled || (existsSync(bindings) && readdirSync(bindings).length > 0);
  return { download: library === undefined, compile: !hasBinding };
}

function installedBindingPath(packageFolder) {
  return join(packageFolder, "lib", `napi-v${NAPI_VERSION}`, "tfjs_binding.node");
}

/**
 * Copies the binding and writes the note beside it, unless both are there already. A process that has the old file loaded keeps it. The
 * note comes last, after the engine was seen to load, so its presence means that this engine works here; one that does not load gives
 * its place back to the one before.
 */
async function installBinding(compiled, packageFolder, note) {
  const target = installedBindingPath(packageFolder);
  const [wanted, present] = await Promise.all([readFile(compiled), readIfThere(target)]);
  if (present?.equals(wanted) && JSON.stringify(readNote(target)) === JSON.stringify(note)) return;
  await mkdir(dirname(target), { recursive: true });
  await replaceFile(target, wanted);
  const loads = await runCommand(process.execPath, ["-e", LOAD_CHECK, packageFolder], { env: LOAD_CHECK_ENVIRONMENT });
  if (loads.code !== 0) {
    if (present !== undefined) await replaceFile(target, present);
    throw new SetupError(
      "SETUP_ENGINE_UNUSABLE",
      `TensorFlow ${note.version} (${note.variant}) does not load: ${lastLines(loads.output)}`,
      "it needs glibc 2.27 or newer and a CPU with AVX; on such a machine, delete the cache folder and run it again",
    );
  }
  await replaceFile(notePath(target), JSON.stringify(note));
}

async function replaceFile(path, content) {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content, { mode: 0o755 });
  await rename(draft, path);
}

function readNote(bindingPath) {
  try {
    return JSON.parse(readFileSync(notePath(bindingPath), "utf8"));
  } catch {
    return undefined;
  }
}

function notePath(bindingPath) {
  return join(dirname(bindingPath), "saphena.json");
}

/** Walks up the node_modules folders itself: Node's resolver remembers a miss from before `npm ci` ran in this process. */
function findPackage(name) {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}
