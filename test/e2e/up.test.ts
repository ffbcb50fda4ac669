// `saphena up` as its user meets it: the script of the examples, a watcher that is interrupted, parts and the whole that are killed.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient } from "@saphena/client";
import { freePort, makeTinyDataset, temporaryFolder, until } from "@saphena/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LAUNCHER, REPOSITORY } from "../system/repository.ts";
import { saphena, saphenaDone } from "../system/saphena.ts";

let state: string;
let port: string;
let env: NodeJS.ProcessEnv;
let up: ChildProcess;
let talk = "";

async function startUp(): Promise<void> {
  talk = "";
  up = spawn(process.execPath, [LAUNCHER, "up", "--workers", "1", "--state", state, "--port", port], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  up.stderr?.setEncoding("utf8").on("data", (text: string) => (talk += text));
  await until(() => talk.includes("for the dashboard"), { timeoutMs: 60_000, what: "saphena up" });
}

/** As the lock of the state folder names them. */
function children(): { name: string; pid: number }[] {
  const folder = join(state, "lock");
  const newest = readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(b) - Number(a))[0];
  return (JSON.parse(readFileSync(join(folder, newest!), "utf8")) as { children: { name: string; pid: number }[] }).children;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

beforeAll(async () => {
  state = await temporaryFolder("up");
  port = String(await freePort());
  env = { ...process.env, SAPHENA_URL: `http://127.0.0.1:${port}`, SAPHENA_REDIS_URL: "", SAPHENA_STORE: "", NO_COLOR: "1" };
  const { manifest } = await makeTinyDataset(await temporaryFolder("tones"), { images: 12, groups: 6 });
  await startUp();
  await saphenaDone(["dataset", "import", manifest, "--name", "tones"], { env });
});
afterAll(async () => {
  if (up.exitCode === null && up.signalCode === null) {
    up.kill("SIGTERM");
    await once(up, "exit");
  }
});

describe("saphena up", () => {
  it("serves the ten-line script of the examples", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ["examples/submit-sweep.mjs"], { cwd: REPOSITORY, env });
    expect(stdout.trim().split("\n").at(-1)).toMatch(/^completed; best is trial \d with dice 0\.\d+$/);
  });

  it("lets a watcher go without stopping the sweep", async () => {
    const file = join(state, "long.json");
    const spec = {
      name: "long",
      dataset: "tones",
      model: { depth: 2, baseFilters: 2, inputSize: 32 },
      train: { epochs: 5_000 },
      cv: { folds: 2 },
      budget: { trials: 2 },
    };
    writeFileSync(file, JSON.stringify(spec));
    const watcher = spawn(process.execPath, [LAUNCHER, "submit", file, "--watch"], { env, stdio: ["ignore", "pipe", "pipe"] });
    let id = "";
    watcher.stdout.setEncoding("utf8").on("data", (text: string) => (id += text));
    let said = "";
    watcher.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    await until(() => said.includes("runs done"), { timeoutMs: 60_000, what: "the first line of progress" });
    watcher.kill("SIGINT");
    expect(await once(watcher, "close")).toEqual([130, null]);
    expect(id).toMatch(/^swp_[0-9a-z]{12}\n$/);
    expect(said).toContain("stopped watching; the sweep goes on");
    const { stdout } = await saphenaDone(["status", "latest", "--json"], { env });
    expect(JSON.parse(stdout)).toMatchObject({ id: id.trim(), state: "running" });
    await saphenaDone(["cancel", id.trim()], { env });
    const cancelled = await saphena(["status", "latest", "--watch"], { env });
    expect(cancelled.exitCode).toBe(1);
    expect(cancelled.stdout).toContain("state      cancelled");
  });

  it("starts a part again that was killed, and says so", async () => {
    const before = children().find(({ name }) => name === "worker-1")!;
    process.kill(before.pid, "SIGKILL");
    await until(() => talk.includes("worker-1 ended (SIGKILL); starting it again"), { what: "the word about it" });
    await until(() => children().some(({ name, pid }) => name === "worker-1" && pid !== before.pid), { what: "another worker" });
  });

  it("leaves no process behind when it is killed, and starts on the same state again", async () => {
    const parts = children();
    expect(parts.map(({ name }) => name).sort()).toEqual(["aggregator", "redis", "scheduler", "worker-1"]);
    up.kill("SIGKILL");
    await once(up, "exit");
    await until(() => parts.every(({ pid }) => !isAlive(pid)), { timeoutMs: 40_000, what: "the end of the children" });
    await startUp();
    const sweeps = await createClient({ url: env["SAPHENA_URL"]! }).sweeps();
    expect(sweeps.map(({ state: sweepState }) => sweepState).sort()).toEqual(["cancelled", "completed"]);
    up.kill("SIGINT");
    expect(await once(up, "exit")).toEqual([130, null]);
    expect(children()).toEqual([]);
  });
});
