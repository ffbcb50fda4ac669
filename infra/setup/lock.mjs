// A lock between processes that share the cache folder. It survives a killed owner: whoever comes next takes it over.
//
// A lock is a folder of numbered files; the highest number is the state: `held` by its owner, or `released`. Taking the lock is
// link(2) of a complete file to the next number, which exactly one contender wins. Nobody ever deletes the file he believes to be
// stale and then creates his own: that order lets two contenders delete each other's lock.
import { link, mkdir, readFile, readdir, rename, rm, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

const BEAT_MS = 10_000;
/** An owner on another host (or container) cannot be asked whether it lives; it is given up when it missed this many ms of beats. */
const FOREIGN_STALE_MS = 120_000;
const POLL_MS = 200;

/**
 * Runs `work` while holding the lock kept in `folder`. Waits as long as a living owner holds it, calling `onWait(owner)` once.
 * A throw of `work` releases the lock, too.
 */
export async function withLock(folder, work, { onWait = () => {} } = {}) {
  const path = await acquire(folder, onWait);
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await release(path);
  }
}

async function acquire(folder, onWait) {
  await mkdir(folder, { recursive: true });
  let announced = false;
  for (;;) {
    const newest = await newestEntry(folder);
    if (newest === undefined || (await isFree(newest.path))) {
      const mine = await tryTake(folder, (newest?.number ?? 0) + 1);
      if (mine !== undefined) return mine;
    } else if (!announced) {
      announced = true;
      onWait(await readOwner(newest.path));
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function tryTake(folder, number) {
  const draft = join(folder, `draft-${randomUUID()}`);
  const path = join(folder, String(number));
  await writeFile(draft, JSON.stringify({ state: "held", pid: process.pid, started: processStart(process.pid), host: hostname() }));
  try {
    await link(draft, path);
  } catch (error) {
    if (error.code === "EEXIST") return undefined;
    throw error;
  } finally {
    await unlink(draft);
  }
  // A slow contender may re-create a number that was tidied away behind a higher one: only the highest counts.
  const newest = await newestEntry(folder);
  if (newest?.number !== number) {
    await rm(path, { force: true });
    return undefined;
  }
  await removeOlder(folder, number);
  return path;
}

async function release(path) {
  const draft = `${path}-released-${randomUUID()}`;
  await writeFile(draft, JSON.stringify({ state: "released" }));
  await rename(draft, path);
}

async function isFree(path) {
  const owner = await readOwner(path);
  if (owner === undefined || owner.state === "released") return true;
  if (owner.host === hostname()) return !isRunning(owner);
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  return Date.now() - mtimeMs > FOREIGN_STALE_MS;
}

/** The file's content; undefined when it is gone or not ours (never half written: it was linked complete). */
async function readOwner(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

function isRunning(owner) {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return false;
  }
  // The number may have gone to another process meanwhile; its start time tells (Linux only, elsewhere both are null).
  return processStart(owner.pid) === owner.started;
}

/** Field 22 of /proc/<pid>/stat (clock ticks since boot), counted after the command's closing bracket. */
function processStart(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

async function newestEntry(folder) {
  const numbers = await numberedEntries(folder);
  if (numbers.length === 0) return undefined;
  const number = Math.max(...numbers);
  return { number, path: join(folder, String(number)) };
}

async function numberedEntries(folder) {
  const names = await readdir(folder);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

async function removeOlder(folder, number) {
  const older = (await numberedEntries(folder)).filter((entry) => entry < number);
  await Promise.all(older.map((entry) => rm(join(folder, String(entry)), { force: true })));
}
