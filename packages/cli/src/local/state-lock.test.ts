import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SaphenaError } from "@saphena/contracts";
import { temporaryFolder } from "@saphena/testing";
import { afterEach, describe, expect, it } from "vitest";
import { endGroup, isAlive, isSameProcess, recordOf } from "./process-identity.ts";
import { acquireStateLock } from "./state-lock.ts";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) if (child.pid !== undefined && isAlive(child.pid)) process.kill(-child.pid, "SIGKILL");
});

/** A process group of a shell and its own child; the shell ignores SIGTERM when asked to. Resolves when it does. */
async function startGroup(deaf = false): Promise<{ pid: number; child: ChildProcess }> {
  const script = `${deaf ? "trap '' TERM;" : ""} sleep 600 & echo ready; wait; sleep 600`;
  const child = spawn("/bin/sh", ["-c", script], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  await once(child.stdout, "data");
  return { pid: child.pid!, child };
}

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return "done";
  } catch (error) {
    return (error as SaphenaError).code;
  }
};

/** What a killed `up` leaves: a lock held by a process that is gone, and its children. */
function makeDeadOwner(folder: string, dead: { pid: number; started: string | null }): void {
  const [name] = readdirSync(join(folder, "lock"));
  const path = join(folder, "lock", name!);
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), owner: dead }));
}

describe("the lock of a state folder", () => {
  it("refuses a second holder, and is free after a release", async () => {
    const folder = await temporaryFolder("lock");
    const lock = acquireStateLock(folder);
    expect(codeOf(() => acquireStateLock(folder))).toBe("STATE_LOCKED");
    lock.note([{ name: "worker-1", ...recordOf(process.pid) }]);
    lock.release();
    const next = acquireStateLock(folder);
    expect(next.leftOvers).toEqual([]);
    next.release();
    expect(readdirSync(join(folder, "lock"))).toHaveLength(1);
  });

  it("is taken over from a dead owner, with the children it left", async () => {
    const folder = await temporaryFolder("lock");
    const group = await startGroup();
    acquireStateLock(folder).note([{ name: "worker-1", ...recordOf(group.pid) }]);
    // The same number as a living process, but another start: the number was used again.
    makeDeadOwner(folder, { pid: process.pid, started: "1" });
    const lock = acquireStateLock(folder);
    expect(lock.leftOvers).toEqual([{ name: "worker-1", ...recordOf(group.pid) }]);
    const ended = once(group.child, "exit");
    expect(await endGroup(lock.leftOvers[0]!, 5_000)).toBe(true);
    await ended;
    expect(codeOf(() => acquireStateLock(folder))).toBe("STATE_LOCKED");
    lock.release();
  });

  it("goes to one of many that find a dead owner", async () => {
    const folder = await temporaryFolder("lock");
    acquireStateLock(folder);
    makeDeadOwner(folder, { pid: 2 ** 22 + 1, started: null });
    const outcomes = Array.from({ length: 5 }, () => codeOf(() => acquireStateLock(folder)));
    expect(outcomes.filter((outcome) => outcome === "done")).toHaveLength(1);
  });
});

describe("left-over processes", () => {
  it("are killed when they do not listen, and a number that was used again is left alone", async () => {
    const deaf = await startGroup(true);
    const record = recordOf(deaf.pid);
    expect(isSameProcess(record)).toBe(true);
    expect(await endGroup({ ...record, started: "1" }, 100)).toBe(false);
    expect(isAlive(deaf.pid)).toBe(true);
    const ended = once(deaf.child, "exit");
    expect(await endGroup(record, 100)).toBe(true);
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(await endGroup(record, 100)).toBe(false);
  });
});
