// Spare trainers: used once, replaced when they die, ended with the worker. The life of one against a scripted fork, then the real thing:
// a worker process with real spares, drained and killed.
import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { pino } from "pino";
import type { FromTrainer, Slot, ToTrainer, Trainer, TrainerEvents } from "@saphena/contracts";
import { namespace, startChild, startRedis, temporaryFolder, until } from "@saphena/testing";
import type { KitChild } from "@saphena/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSpareTrainers, sparePauseMs } from "./spare-trainers.ts";

const SLOT: Slot = { name: "cpu-0", device: { kind: "cpu" } };
const OTHER: Slot = { name: "cpu-1", device: { kind: "cpu" } };
const STARTED = { type: "started", firstEpoch: 1, parameterCount: 1, resumedFrom: [] } as unknown as FromTrainer;
const STOPPED = { type: "stopped", how: "cancel", epoch: 0 } as const;
const START = { type: "start" } as ToTrainer;

/** A forked trainer: the test says its words. */
interface Forked {
  slot: Slot;
  told: ToTrainer["type"][];
  killed: boolean;
  say(message: FromTrainer): void;
  end(): void;
}

function scriptedFork(): { fork: (slot: Slot, folder: string, events: TrainerEvents) => Trainer; forked: Forked[] } {
  const forked: Forked[] = [];
  return {
    forked,
    fork: (slot, _folder, events) => {
      const exit = (signal: string | null): void => events.exit({ code: signal === null ? 0 : null, signal, stderrTail: "" });
      const own: Forked = { slot, told: [], killed: false, say: (message) => events.message(message), end: () => exit("SIGSEGV") };
      forked.push(own);
      return {
        send: ({ type }) => void own.told.push(type),
        kill: (signal) => {
          own.killed = true;
          exit(signal);
        },
      };
    },
  };
}

/** A run in a slot: what it hears, and a trainer that it starts when it is ready, as a session does. */
function run(launch: ReturnType<typeof createSpareTrainers>["launch"], slot = SLOT): { trainer: Trainer; heard: string[] } {
  const heard: string[] = [];
  const trainer: Trainer = launch(
    { threads: 1, workFolder: "/nowhere", slot },
    {
      message: ({ type }) => {
        heard.push(type);
        if (type === "ready") trainer.send(START);
      },
      exit: ({ signal }) => void heard.push(`exit ${String(signal)}`),
    },
  );
  return { trainer, heard };
}

describe("a spare trainer", () => {
  const log = pino({ level: "silent" });
  const open = (slots: Slot[] = [SLOT]) => {
    const { fork, forked } = scriptedFork();
    return { forked, ...createSpareTrainers({ slots, fork, folder: "/nowhere", log }) };
  };
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const tick = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

  test("waits for each slot, is used by one run of its slot, and followed by the next once that run trains", async () => {
    const { launch, forked } = open([SLOT, OTHER]);
    expect(forked.map(({ slot }) => slot.name)).toEqual(["cpu-0", "cpu-1"]);
    forked[0]!.say({ type: "ready" });
    const { heard } = run(launch);
    await tick();
    expect(forked.map(({ told }) => told)).toEqual([["start"], []]);
    expect(forked).toHaveLength(2);
    forked[0]!.say(STARTED);
    expect(forked.map(({ slot }) => slot.name)).toEqual(["cpu-0", "cpu-1", "cpu-0"]);
    forked[0]!.say(STOPPED);
    forked[0]!.end();
    expect(heard).toEqual(["ready", "started", "stopped", "exit SIGSEGV"]);
    // The next run takes the next spare, never the used one.
    forked[2]!.say({ type: "ready" });
    run(launch);
    await tick();
    expect(forked.map(({ told }) => told)).toEqual([["start"], [], ["start"]]);
  });

  test("that still loads is waited for", async () => {
    const { launch, forked } = open();
    const { heard } = run(launch);
    await tick();
    expect([heard, forked[0]!.told]).toEqual([[], []]);
    forked[0]!.say({ type: "ready" });
    expect([heard, forked[0]!.told]).toEqual([["ready"], ["start"]]);
  });

  test("whose run ends before it trains is followed by the next all the same", () => {
    const { launch, forked } = open();
    forked[0]!.say({ type: "ready" });
    const { trainer, heard } = run(launch);
    trainer.send({ type: "stop", how: "cancel" });
    forked[0]!.say(STOPPED);
    forked[0]!.end();
    expect(heard).toEqual(["stopped", "exit SIGSEGV"]);
    expect(forked).toHaveLength(2);
  });

  test("that dies unused is replaced, with growing pauses, and no run hears of it", async () => {
    const { launch, forked } = open();
    for (const [at, pauseMs] of [500, 1_000, 2_000].entries()) {
      forked[at]!.end();
      await tick(pauseMs - 1);
      expect(forked).toHaveLength(at + 1);
      await tick(1);
      expect(forked).toHaveLength(at + 2);
    }
    forked[3]!.end();
    // A run that comes in the pause gets a fresh trainer at once; it works, so the pauses begin anew.
    const { heard } = run(launch);
    expect(forked).toHaveLength(5);
    forked[4]!.say({ type: "ready" });
    forked[4]!.say(STARTED);
    expect(heard).toEqual(["ready", "started"]);
    await tick(4_000);
    expect(forked).toHaveLength(6);
    expect([0, 1, 2, 9].map(sparePauseMs)).toEqual([0, 500, 1_000, 60_000]);
  });

  test("that is dead when its run comes costs the run nothing but a fresh start", async () => {
    const { launch, forked } = open();
    forked[0]!.say({ type: "ready" });
    const { heard } = run(launch);
    forked[0]!.end(); // before the run could know
    await tick();
    expect(heard).toEqual([]);
    forked[1]!.say({ type: "ready" });
    forked[1]!.say(STARTED);
    expect(heard).toEqual(["ready", "started"]);
    expect(forked[1]!.told).toEqual(["start"]);
    // From here on it is the run's own trainer: its crash is the run's.
    forked[1]!.end();
    expect(heard.at(-1)).toBe("exit SIGSEGV");
  });

  test("that was told to stop or killed by its run is not replaced behind the run's back", async () => {
    const { launch, forked } = open();
    forked[0]!.say({ type: "ready" });
    const { trainer, heard } = run(launch);
    trainer.kill("SIGKILL");
    await tick();
    expect(heard).toEqual(["exit SIGKILL"]);
    expect(forked.map(({ killed }) => killed)).toEqual([true, false]);
  });

  test("ends when the worker closes, and no other comes; what runs goes on", async () => {
    const { launch, forked, close } = open([SLOT, OTHER]);
    forked[0]!.say({ type: "ready" });
    const { heard } = run(launch);
    await tick();
    await close();
    expect(forked.map(({ killed }) => killed)).toEqual([false, true]);
    forked[0]!.say(STARTED);
    forked[0]!.end();
    await tick(120_000);
    expect(forked).toHaveLength(2);
    expect(heard).toEqual(["ready", "started", "exit SIGSEGV"]);
  });
});

describe("a worker process", { timeout: 60_000 }, () => {
  const WORKER = fileURLToPath(new URL("../dist/main.js", import.meta.url));

  function childrenOf(pid: number): number[] {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  }
  /** A process that is no zombie. */
  function lives(pid: number): boolean {
    try {
      return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
      return false;
    }
  }
  async function startWorker(redisUrl: string): Promise<{ worker: KitChild; spares: number[] }> {
    const worker = await startChild("worker", process.execPath, [WORKER], {
      env: {
        ...process.env,
        SAPHENA_REDIS_URL: redisUrl,
        SAPHENA_STORE: pathToFileURL(await temporaryFolder("store")).href,
        SAPHENA_NAMESPACE: namespace("spares").redis,
        SAPHENA_SLOTS: "2",
        CUDA_VISIBLE_DEVICES: "",
      },
    });
    const spares = await until(() => (childrenOf(worker.pid).length === 2 ? childrenOf(worker.pid) : null), { what: "two spares" });
    return { worker, spares };
  }

  test.skipIf(process.platform !== "linux")("that is drained or killed leaves no spare behind", async () => {
    const redis = await startRedis();
    try {
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        const { worker, spares } = await startWorker(redis.url);
        expect(spares.filter(lives)).toEqual(spares);
        await worker.end(signal);
        await until(() => !spares.some(lives), { what: `the spares to go after ${signal}` });
      }
    } finally {
      await redis.stop();
    }
  });

  test.skipIf(process.platform !== "linux")("forks another spare for one that dies", async () => {
    const redis = await startRedis();
    try {
      const { worker, spares } = await startWorker(redis.url);
      process.kill(spares[0]!, "SIGKILL");
      await until(() => childrenOf(worker.pid).some((pid) => !spares.includes(pid)), { what: "another spare" });
      expect(lives(spares[1]!)).toBe(true);
      await worker.end("SIGTERM");
    } finally {
      await redis.stop();
    }
  });
});
