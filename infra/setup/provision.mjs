// One thing in the cache: built in a staging folder, then moved into place in one rename, with a marker file that says what it must
// hold. Every part of set-up that downloads or compiles goes through here, so interruption and two set-ups at once are solved once.
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { statSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { SetupError } from "./error.mjs";
import { withLock } from "./lock.mjs";

const MARKER = "installed.json";

/** `SAPHENA_CACHE`, else `$XDG_CACHE_HOME/saphena`, else `~/.cache/saphena`; absolute, not created. */
export function cacheFolder(env = process.env) {
  if (env.SAPHENA_CACHE) return resolve(env.SAPHENA_CACHE);
  return env.XDG_CACHE_HOME ? resolve(env.XDG_CACHE_HOME, "saphena") : join(homedir(), ".cache", "saphena");
}

/** The folder of item `name` (may hold slashes), whether it is there or not. */
export function itemFolder(name, cache = cacheFolder()) {
  return join(cache, "items", name);
}

/**
 * Cheap look without work: the item's marker when every file it names has the recorded size and modification time, else undefined.
 * @returns {{ facts: Record<string, unknown>, files: { path: string, sizeBytes: number, sha256: string, modifiedMs: number }[] } | undefined}
 */
export function installedItem(folder) {
  const marker = readMarker(folder);
  if (marker === undefined) return undefined;
  const same = marker.files.every((file) => {
    const found = statSync(join(folder, file.path), { throwIfNoEntry: false });
    return found !== undefined && found.size === file.sizeBytes && found.mtimeMs === file.modifiedMs;
  });
  return same ? marker : undefined;
}

/**
 * Makes sure that item `name` is in the cache and whole, and returns its folder. `build(staging)` fills the folder `staging` and returns
 * `{ files, facts }`: the paths (relative) that the item stands on, and what else to record. Safe beside other set-ups; an interrupted
 * build leaves only a staging folder, which the next one removes. A file that was changed since is hashed, and the item is built again
 * when the hash differs.
 * @param {string} name
 * @param {(staging: string) => Promise<{ files: string[], facts?: Record<string, unknown> }>} build
 * @param {{ cache?: string, onWait?: (owner: { pid?: number } | undefined) => void, onDamage?: (path: string) => void }} options
 */
export async function provision(name, build, { cache = cacheFolder(), onWait = () => {}, onDamage = () => {} } = {}) {
  const folder = itemFolder(name, cache);
  if (installedItem(folder) !== undefined) return folder;
  await makeFolder(cache);
  return withLock(
    join(cache, "locks", name),
    async () => {
      if (installedItem(folder) !== undefined || (await isWhole(folder, onDamage))) return folder;
      const stagingParent = join(cache, "staging", name);
      await rm(stagingParent, { recursive: true, force: true });
      const staging = join(stagingParent, randomUUID());
      await mkdir(staging, { recursive: true });
      const { files, facts } = await build(staging);
      await writeMarker(staging, files, facts);
      await replaceFolder(staging, folder, stagingParent);
      await rm(stagingParent, { recursive: true, force: true });
      return folder;
    },
    { onWait },
  );
}

/** sha256 of a file, lower-case hex. */
export async function hashFile(path) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex");
}

async function makeFolder(cache) {
  try {
    await mkdir(cache, { recursive: true });
  } catch (error) {
    throw new SetupError(
      "CACHE_NOT_WRITABLE",
      `cannot create the cache folder ${cache} (${error.code})`,
      "set SAPHENA_CACHE to a folder that you may write to",
    );
  }
}

/** The full check, by hash; refreshes the recorded times when all is well (a restored backup, a copied cache). */
async function isWhole(folder, onDamage) {
  const marker = readMarker(folder);
  if (marker === undefined) return false;
  for (const file of marker.files) {
    const path = join(folder, file.path);
    if (statSync(path, { throwIfNoEntry: false })?.size !== file.sizeBytes || (await hashFile(path)) !== file.sha256) {
      onDamage(path);
      return false;
    }
  }
  await writeMarker(
    folder,
    marker.files.map((file) => file.path),
    marker.facts,
  );
  return true;
}

async function writeMarker(folder, paths, facts = {}) {
  const files = [];
  for (const path of paths) {
    const found = await stat(join(folder, path));
    files.push({ path, sizeBytes: found.size, sha256: await hashFile(join(folder, path)), modifiedMs: found.mtimeMs });
  }
  const draft = join(folder, `${MARKER}.${randomUUID()}`);
  await writeFile(draft, `${JSON.stringify({ schemaVersion: 1, facts, files }, null, 2)}\n`);
  await rename(draft, join(folder, MARKER));
}

function readMarker(folder) {
  try {
    const marker = JSON.parse(readFileSync(join(folder, MARKER), "utf8"));
    return marker.schemaVersion === 1 && Array.isArray(marker.files) ? marker : undefined;
  } catch {
    return undefined;
  }
}

/** Moves a damaged predecessor out of the way first; between the two renames the item is absent, never half there. */
async function replaceFolder(staging, folder, graveyard) {
  await mkdir(dirname(folder), { recursive: true });
  try {
    await rename(folder, join(graveyard, `old-${randomUUID()}`));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  await rename(staging, folder);
}

/** The contents of a cached text file; undefined when it is not there. */
export async function readIfThere(path) {
  try {
    return await readFile(path);
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}
