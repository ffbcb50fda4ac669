// The folder of a file store as a whole: made ready when it is opened, and walked for listings.
import type { Dirent } from "node:fs";
import { lstat, mkdir, readdir, realpath, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isAbsent } from "./file-error.ts";
import { fsyncFolder } from "./folder-sync.ts";
import { UNFINISHED_FOLDER } from "./object-key.ts";
import type { StoredObject } from "./object-store.ts";

const ABANDONED_AFTER_MS = 24 * 3_600_000;

/** Makes the folder and its parents where they are missing, durably, and gives its real path. */
export async function prepareFolder(folder: string): Promise<string> {
  const made = await mkdir(join(folder, UNFINISHED_FOLDER), { recursive: true });
  const root = await realpath(folder);
  if (made !== undefined) await makeDurable(root, dirname(made));
  await removeAbandoned(join(root, UNFINISHED_FOLDER));
  return root;
}

/** Fsyncs from `folder` up to and including `until`, which held the first folder that was made. */
async function makeDurable(folder: string, until: string): Promise<void> {
  const last = await realpath(until);
  for (let at = folder; ; at = dirname(at)) {
    await fsyncFolder(at);
    if (at === last || at === dirname(at)) return;
  }
}

/** What a process that died left behind. The age is generous because a live writer of another machine may be uploading. */
async function removeAbandoned(unfinished: string): Promise<void> {
  const oldest = Date.now() - ABANDONED_AFTER_MS;
  for (const name of await readdir(unfinished)) {
    const path = join(unfinished, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs < oldest) await rm(path, { force: true });
  }
}

/**
 * All objects under `folder` ("" or ending with a slash), depth first in the order of whole keys: the folder `a` sorts as `a/`, behind the
 * object `a.json`. Links are no objects.
 */
export async function* walkObjects(root: string, folder: string): AsyncGenerator<StoredObject> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return;
    throw error;
  }
  const names = entries
    .filter((entry) => (entry.isFile() || entry.isDirectory()) && !(folder === "" && entry.name === UNFINISHED_FOLDER))
    .map((entry) => ({ bytes: Buffer.from(entry.isDirectory() ? `${entry.name}/` : entry.name), isFolder: entry.isDirectory() }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  for (const { bytes, isFolder } of names) {
    const key = folder + bytes.toString();
    if (isFolder) yield* walkObjects(root, key);
    else {
      const sizeBytes = await sizeOf(join(root, key));
      if (sizeBytes !== null) yield { key, sizeBytes };
    }
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (isAbsent(error)) return null; // removed while the folder was walked
    throw error;
  }
}
