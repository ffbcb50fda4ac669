// Ctrl-C of `saphena up` in the middle of a sweep, and a new `up` on the same state.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { createClient } from "@saphena/client";
import { freePort, temporaryFolder, until } from "@saphena/testing";
import { EPOCHS, finalTable, importTiny, TINY_SWEEP } from "../system/leaderboard.ts";
import { LAUNCHER } from "../system/repository.ts";
import { saphena } from "../system/saphena.ts";

// Whatever a failed expectation left running ends with its test.
const started: ChildProcess[] = [];
afterEach(async () => {
  for (const child of started.splice(0)) await interrupt(child);
});

async function interrupt(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGINT");
  await once(child, "exit");
}

describe("saphena up", () => {
  it("goes on where Ctrl-C stopped it, and ends with the numbers of a calm run", async () => {
    const state = await temporaryFolder("up");
    const port = String(await freePort());
    const url = `http://127.0.0.1:${port}`;
    const client = createClient({ url });
    // Progress is seen by heartbeats: with one every five seconds a tiny run would come and go between two of them.
    const env = { ...process.env, SAPHENA_URL: url, SAPHENA_REDIS_URL: "", SAPHENA_STORE: "", SAPHENA_HEARTBEAT_MS: "200" };
    const up = async (): Promise<ChildProcess> => {
      const child = spawn(process.execPath, [LAUNCHER, "up", "--workers", "2", "--state", state, "--port", port], { env, stdio: "ignore" });
      started.push(child);
      await until(() => client.ready(), { timeoutMs: 60_000, what: "saphena up" });
      return child;
    };
    const first = await up();
    await importTiny(env);
    const calm = await finalTable(await client.submit(TINY_SWEEP));
    expect(calm.state).toBe("completed");
    const interrupted = await client.submit(TINY_SWEEP);
    await until(
      async () => (await client.workers()).some(({ running }) => running.some(({ epoch }) => epoch >= 2 && epoch <= EPOCHS / 2)),
      {
        timeoutMs: 60_000,
        what: "a run in the middle of its training",
      },
    );
    const second = await saphena(["up", "--state", state, "--port", String(await freePort())], { env });
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toContain("error: STATE_LOCKED");
    await interrupt(first);

    await up();
    expect(await finalTable(interrupted)).toEqual(calm);
  });
});
