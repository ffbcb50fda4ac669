// One `saphena up` a state folder. The lock also names the children, so that the next `up` can end what a dead one left running.
//
// The lock is a folder of numbered files, of which the highest counts: `held` by its owner or `released`. It is taken by link(2) of a
// complete file to the next number, which exactly one of several contenders wins; nobody deletes a file that he believes to be stale
// and then makes his own, because two contenders could delete each other's.
import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { SaphenaError } from "@saphena/contracts";
import { bootId, isSameProcess, recordOf, type ProcessRecord } from "./process-identity.ts";

export interface ChildRecord extends ProcessRecord {
  name: string;
}

interface Entry {
  state: "held" | "released";
  owner: ProcessRecord;
  host: string;
  boot: string;
  children: ChildRecord[];
}

export interface StateLock {
  /** Children of a dead owner on this boot of this machine; they may still run. */
  readonly leftOvers: readonly ChildRecord[];
  /** Replaces the list of our children. */
  note(children: readonly ChildRecord[]): void;
  release(): void;
}

const BEAT_MS = 10_000;
/** An owner on another host cannot be asked whether it lives; it is given up after this long without a beat. */
const FOREIGN_STALE_MS = 120_000;

/** Throws STATE_LOCKED when a living `up` holds the folder. */
export function acquireStateLock(stateFolder: string): StateLock {
  const folder = join(stateFolder, "lock");
  mkdirSync(folder, { recursive: true });
  const newest = newestEntry(folder);
  if (newest !== undefined && isHeld(newest)) throw lockedBy(newest.entry, stateFolder);
  const number = (newest?.number ?? 0) + 1;
  const path = join(folder, String(number));
  const entry: Entry = { state: "held", owner: recordOf(process.pid), host: hostname(), boot: bootId(), children: [] };
  if (!tryTake(folder, path, entry)) throw lockedBy(newestEntry(folder)?.entry, stateFolder);
  for (const old of entryNumbers(folder)) if (old < number) rmSync(join(folder, String(old)), { force: true });
  const beat = setInterval(() => touch(path), BEAT_MS);
  beat.unref();
  const write = (changes: Partial<Entry>): void => replaceFile(path, { ...entry, ...changes });
  return {
    leftOvers: newest?.entry !== undefined ? survivorsOf(newest.entry) : [],
    note: (children) => write({ children: [...children] }),
    release: () => {
      clearInterval(beat);
      write({ state: "released", children: [] });
    },
  };
}

function survivorsOf(entry: Entry): ChildRecord[] {
  return entry.state === "held" && entry.host === hostname() && entry.boot === bootId() ? entry.children : [];
}

function lockedBy(entry: Entry | undefined, stateFolder: string): SaphenaError {
  const owner =
    entry === undefined ? "another process" : `process ${entry.owner.pid}${entry.host === hostname() ? "" : ` on ${entry.host}`}`;
  return new SaphenaError("STATE_LOCKED", `${stateFolder} is held by ${owner}`);
}

function isHeld({ entry, path }: NewestEntry): boolean {
  if (entry === undefined || entry.state === "released") return false;
  if (entry.host !== hostname()) return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < FOREIGN_STALE_MS;
  return entry.boot === bootId() && isSameProcess(entry.owner);
}

function tryTake(folder: string, path: string, entry: Entry): boolean {
  const draft = join(folder, `draft-${randomUUID()}`);
  writeFileSync(draft, JSON.stringify(entry));
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function replaceFile(path: string, entry: Entry): void {
  const draft = `${path}-draft-${randomUUID()}`;
  writeFileSync(draft, JSON.stringify(entry));
  renameSync(draft, path);
}

function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // The state folder was removed under us; the next write says so.
  }
}

interface NewestEntry {
  number: number;
  path: string;
  /** undefined when the file is not ours to read. */
  entry: Entry | undefined;
}

function entryNumbers(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function newestEntry(folder: string): NewestEntry | undefined {
  const number = entryNumbers(folder).reduce((a, b) => Math.max(a, b), 0);
  if (number === 0) return undefined;
  const path = join(folder, String(number));
  try {
    return { number, path, entry: JSON.parse(readFileSync(path, "utf8")) as Entry };
  } catch {
    return { number, path, entry: undefined };
  }
}
