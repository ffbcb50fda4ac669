// Which variant of the engine a clone uses: for the CPU, or for NVIDIA GPUs (CUDA). A choice holds until another one is made, also over a
// new node_modules: it is kept in the cache, one file a clone.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SetupError } from "./error.mjs";

/** From the flags of the command line; undefined when none was given. */
export function variantFromFlags({ gpu = false, cpu = false }) {
  if (gpu && cpu) throw badOption("--gpu and --cpu exclude each other");
  return gpu ? "cuda" : cpu ? "cpu" : undefined;
}

/** A wrong command line; set-up ends with 2. */
export function badOption(message) {
  return new SetupError("SETUP_BAD_OPTION", message, "see npm run setup -- --help");
}

/**
 * What was asked for now; else what was chosen for this clone; else what is installed (the cache was deleted or is another one); else the
 * CPU. Nothing is chosen by looking for a GPU: 3 GB are fetched only for who asked for them.
 */
export function chooseVariant({ requested, recorded, installed }) {
  if (requested !== undefined && !isVariant(requested)) throw badOption(`${JSON.stringify(requested)} is neither "cpu" nor "cuda"`);
  return requested ?? recorded ?? installed ?? "cpu";
}

export function recordedVariant(root, cache) {
  try {
    const text = readFileSync(choicePath(root, cache), "utf8").trim();
    return isVariant(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

export async function recordVariant(root, cache, variant) {
  const path = choicePath(root, cache);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${variant}\n`);
}

function isVariant(text) {
  return text === "cpu" || text === "cuda";
}

/** Names a clone in the cache. */
export function cloneKey(root) {
  return createHash("sha256").update(root).digest("hex").slice(0, 16);
}

function choicePath(root, cache) {
  return join(cache, "clones", cloneKey(root), "engine-variant");
}
