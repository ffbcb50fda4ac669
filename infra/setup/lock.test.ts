import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withLock } from "./lock.mjs";

const LOCK_MODULE = join(import.meta.dirname, "lock.mjs");
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "saphena-lock-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A process that enters the lock `times` times, each time writing `+` and, after some milliseconds, `-` to the journal. */
function contender(times: number) {
  const program = `
    import { appendFile } from "node:fs/promises";
    import { setTimeout } from "node:timers/promises";
    import { withLock } from ${JSON.stringify(LOCK_MODULE)};
    for (let i = 0; i < ${times}; i++) {
      await withLock(${JSON.stringify(join(folder, "lock"))}, async () => {
        await appendFile(${JSON.stringify(join(folder, "journal"))}, "+");
        await setTimeout(5);
        await appendFile(${JSON.stringify(join(folder, "journal"))}, "-");
      });
    }`;
  return spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "ignore", "inherit"] });
}

async function finished(children: ReturnType<typeof contender>[]): Promise<unknown[]> {
  return Promise.all(children.map(async (child) => (await once(child, "exit"))[0]));
}

/** A process that takes the lock and is killed while holding it. */
async function killedOwner() {
  const program = `
    import { withLock } from ${JSON.stringify(LOCK_MODULE)};
    await withLock(${JSON.stringify(join(folder, "lock"))}, () => {
      process.stdout.write("held");
      return new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function forgedOwner(owner: { pid: number; started: string | null; host: string }) {
  await mkdir(join(folder, "lock"));
  await writeFile(join(folder, "lock", "1"), JSON.stringify({ state: "held", ...owner }));
}

test("processes that want the lock have it one after the other", async () => {
  expect(await finished([contender(4), contender(4), contender(4)])).toEqual([0, 0, 0]);
  expect(await readFile(join(folder, "journal"), "utf8")).toBe("+-".repeat(12));
});

test("the lock of a killed owner is taken over, by one contender at a time", async () => {
  await killedOwner();
  expect(await finished([contender(2), contender(2), contender(2)])).toEqual([0, 0, 0]);
  expect(await readFile(join(folder, "journal"), "utf8")).toBe("+-".repeat(6));
});

test("a lock is taken over when its owner's process number belongs to a younger process", async () => {
  await forgedOwner({ pid: process.pid, started: "1", host: hostname() });
  expect(await withLock(join(folder, "lock"), () => "mine")).toBe("mine");
});

test("an owner on another host keeps the lock until it stops beating", async () => {
  await forgedOwner({ pid: 1, started: null, host: "another-host" });
  let waited = false;
  const onWait = () => {
    waited = true;
    const longAgo = new Date(Date.now() - 600_000);
    void utimes(join(folder, "lock", "1"), longAgo, longAgo);
  };
  expect(await withLock(join(folder, "lock"), () => waited, { onWait })).toBe(true);
});

test("work that throws gives the lock back", async () => {
  const failing = withLock(join(folder, "lock"), () => Promise.reject(new Error("broken")));
  await expect(failing).rejects.toThrow("broken");
  expect(await withLock(join(folder, "lock"), () => "free again")).toBe("free again");
});
