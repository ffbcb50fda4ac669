import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, until } from "@saphena/testing";
import { describe, expect, it } from "vitest";
import { lastError, restartPauseMs, startPart, type Part, type PartEnd } from "./part.ts";
import { isAlive } from "./process-identity.ts";

interface Started {
  part: Part;
  ends: PartEnd[];
  pids: number[];
}

async function start(source: string): Promise<Started> {
  const folder = await temporaryFolder("part");
  const script = join(folder, "part.mjs");
  writeFileSync(script, source);
  const ends: PartEnd[] = [];
  const pids: number[] = [];
  const events = { started: ({ pid }: Part) => void pids.push(pid ?? 0), ended: (end: PartEnd) => void ends.push(end) };
  return { part: startPart({ name: "part", script, env: process.env, logPath: join(folder, "part.log") }, events), ends, pids };
}

const PATIENT = `process.on("SIGTERM", () => process.exit(0)); process.send({ type: "ready" }); setInterval(() => {}, 1000);`;

describe("a part of the local system", () => {
  it("says when it is ready, writes its log to a file and ends when it is told to", async () => {
    const { part, ends } = await start(`console.log("hello"); ${PATIENT}`);
    await until(() => part.isReady, { what: "the part" });
    expect(await part.stop(5_000)).toBe(true);
    expect(part.pid).toBeNull();
    expect(ends).toMatchObject([{ code: 0, restartInMs: null }]);
    expect(readFileSync(part.logPath, "utf8")).toBe("hello\n");
  });

  it("is started again after it was killed, and not after a stop", async () => {
    const { part, ends, pids } = await start(PATIENT);
    await until(() => part.isReady, { what: "the part" });
    process.kill(pids[0]!, "SIGKILL");
    await until(() => pids.length === 2 && part.isReady, { what: "the second start" });
    expect(ends).toMatchObject([{ signal: "SIGKILL", restartInMs: 500 }]);
    await part.stop(5_000);
    expect(isAlive(pids[1]!)).toBe(false);
  });

  it("is killed with everything in its group when it does not end", async () => {
    const source = `import { spawn } from "node:child_process"; process.on("SIGTERM", () => {});
      const child = spawn("sleep", ["600"], { stdio: "ignore" }); console.log(child.pid); process.send({ type: "ready" }); setInterval(() => {}, 1000);`;
    const { part } = await start(source);
    await until(() => part.isReady, { what: "the part" });
    const grandchild = Number(readFileSync(part.logPath, "utf8"));
    expect(await part.stop(50)).toBe(false);
    await until(() => !isAlive(grandchild), { what: "the end of the grandchild" });
  });

  it("tells why it ended in its own words, of this start only", async () => {
    const { part, ends } = await start(
      `process.stderr.write("error: STORE_UNSUITABLE: the object store has no conditional writes: here\\n\\nhint: take another\\n"); process.exit(1);`,
    );
    await until(() => ends.length === 1, { what: "the end" });
    expect(ends[0]?.reason).toMatchObject({ code: "STORE_UNSUITABLE", hint: "take another" });
    await part.stop(0);
  });
});

describe("decisions about parts", () => {
  it("wait longer after every end in a row, half a minute at most", () => {
    expect([1, 2, 3, 6, 7, 50].map(restartPauseMs)).toEqual([500, 1_000, 2_000, 16_000, 30_000, 30_000]);
  });

  it("find the last registered error in a log, and nothing in other text", () => {
    expect(lastError("error: NO_SUCH_CODE: x\n\nhint: y\n")).toBeNull();
    expect(lastError("all is well\n")).toBeNull();
    const text =
      "error: REDIS_UNREACHABLE: a\n\nhint: b\nmore\nerror: SWEEP_FILE_INVALID: the sweep file is not valid: \n  one\n  two\n\nhint: c\n";
    expect(lastError(text)).toMatchObject({
      code: "SWEEP_FILE_INVALID",
      message: "the sweep file is not valid: \n  one\n  two",
      hint: "c",
    });
  });
});
