import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { assertNoLivingChildren, livingChildren, namespace, startRedis, temporaryFolder, until } from "./index.ts";

afterEach(assertNoLivingChildren);

describe("until", () => {
  it("gives the first value that is there, and takes a throwing condition for not yet", async () => {
    let calls = 0;
    const value = await until(
      () => {
        calls++;
        if (calls === 1) throw new Error("refused");
        return calls < 3 ? null : 0;
      },
      { what: "the third call" },
    );
    expect(value).toBe(0);
  });

  it("says what never came and the last error", async () => {
    const never = until(() => Promise.reject(new Error("still closed")), { timeoutMs: 20, what: "the door" });
    await expect(never).rejects.toThrow("gave up waiting for the door after 20 ms (still closed)");
  });
});

describe("namespace", () => {
  it("never gives the same name twice, and names a bucket", () => {
    const names = Array.from({ length: 100 }, () => namespace("one test").store);
    expect(new Set(names).size).toBe(100);
    expect(names[0]).toMatch(/^[a-z0-9-]{3,63}$/);
  });
});

describe("startRedis", () => {
  it("keeps acknowledged data over a kill -9 and a restart on the same port", async () => {
    const redis = await startRedis({ appendfsync: "always" });
    expect(await ask(redis.port, "SET colour red")).toBe("+OK");
    expect(await ask(redis.port, "CONFIG GET maxmemory-policy")).toContain("noeviction");
    const { url, pid } = redis;
    await redis.kill();
    await redis.restart();
    expect(redis.url).toBe(url);
    expect(redis.pid).not.toBe(pid);
    expect(await ask(redis.port, "GET colour")).toContain("red");
    expect(livingChildren()).toEqual([`redis-server (pid ${redis.pid})`]);
    expect(assertNoLivingChildren).toThrow("stop() was not called: redis-server");
    await redis.stop();
    await redis.stop();
  });
});

describe("children and folders", () => {
  it("are gone when the test process is killed, also when a child ended before", async () => {
    const folder = await temporaryFolder("kit");
    const note = join(folder, "note.json");
    const kit = (file: string): string => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)));
    await writeFile(
      join(folder, "killed.test.ts"),
      `import { writeFileSync } from "node:fs";
       import { startChild } from ${kit("child-process.ts")};
       import { temporaryFolder } from ${kit("temporary-folder.ts")};
       test("is killed", async () => {
         await (await startChild("early", "sleep", ["600"])).end("SIGTERM");
         const child = await startChild("sleep", "sleep", ["600"]);
         const note = { pid: child.pid, folder: await temporaryFolder("with space") };
         writeFileSync(${JSON.stringify(note)}, JSON.stringify(note));
         process.kill(process.pid, "SIGKILL");
       });`,
    );
    const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
    const run = spawn(process.execPath, [vitest, "run", "--root", folder, "--globals"], { stdio: "ignore" });
    await once(run, "exit");
    expect(run.exitCode).not.toBe(0);
    const left = JSON.parse(await readFile(note, "utf8")) as { pid: number; folder: string };
    await until(() => !isAlive(left.pid) && !existsSync(left.folder), { what: "the janitor" });
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** One inline command, its raw reply. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
    socket.once("error", reject);
    socket.once("data", (reply) => {
      socket.destroy();
      resolve(reply.toString().trim());
    });
  });
}
