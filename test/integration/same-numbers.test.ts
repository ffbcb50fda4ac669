// The leaderboard of one sweep, with real training: the same again, whatever dies on the way and wherever the objects are kept.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NO_S3_REASON, startVersitygw, until } from "@saphena/testing";
import { ensureVersitygw } from "@saphena/setup";
import type { KitChild } from "@saphena/testing";
import { calmTable, EPOCHS, finalTable, importTiny, TINY_SWEEP } from "../system/leaderboard.ts";
import type { FinalTable } from "../system/leaderboard.ts";
import { trainersOf } from "../system/process-tree.ts";
import { startSystem } from "../system/system.ts";
import type { System } from "../system/system.ts";

// Short leases, so that a lost worker is noticed within two seconds.
const QUICK = { SAPHENA_LEASE_MS: "2000", SAPHENA_HEARTBEAT_MS: "200" };

let system: System;
let calm: FinalTable;

beforeAll(async () => {
  system = await startSystem({ workers: 2, slots: 1, env: QUICK });
  await importTiny(system.env);
  calm = await calmTable(system);
});
afterAll(() => system.stop());

interface Busy {
  worker: KitChild;
  trainer: number;
}

/** A worker whose run is in the middle: an epoch is done, so a checkpoint and points are there, and many are left. */
function busyWorker(): Promise<Busy> {
  const middle = ({ epoch }: { epoch: number }): boolean => epoch >= 2 && epoch <= EPOCHS / 2;
  return until(
    async () => {
      const pids = (await system.client.workers()).filter(({ running }) => running.some(middle)).map(({ pid }) => pid);
      const worker = system.workers.find((candidate) => !candidate.ended && pids.includes(candidate.pid));
      const trainer = worker === undefined ? undefined : trainersOf(worker.pid)[0];
      return worker === undefined || trainer === undefined ? null : { worker, trainer };
    },
    { timeoutMs: 60_000, what: "a run in the middle of its training" },
  );
}

describe("a sweep's numbers", () => {
  it("are complete: every trial with every fold, its own values and the means", () => {
    expect(calm.state).toBe("completed");
    expect(calm.trials).toHaveLength(2);
    for (const trial of calm.trials) {
      expect(trial.state).toBe("completed");
      expect(trial.folds.map(({ fold, state }) => [fold, state])).toEqual([
        [0, "completed"],
        [1, "completed"],
        [2, "completed"],
      ]);
      const dice = trial.folds.map(({ metrics }) => metrics["dice"]!);
      for (const value of dice) expect(value).toBeGreaterThan(0);
      expect(trial.metrics["dice"]).toBeCloseTo(dice.reduce((sum, value) => sum + value) / 3, 12);
    }
  });

  it("are the same to the last digit when the sweep is submitted again", async () => {
    expect(await calmTable(system)).toEqual(calm);
  });

  it("are the same after kill -9 of a trainer in the middle of a run", async () => {
    const sweep = await system.client.submit(TINY_SWEEP);
    process.kill((await busyWorker()).trainer, "SIGKILL");
    expect(await finalTable(sweep)).toEqual(calm);
    expect(await attemptsOf(sweep.id)).toBe(7); // six runs, one of them twice
  });

  it("are the same after kill -9 of a worker in the middle of a run", async () => {
    const sweep = await system.client.submit(TINY_SWEEP);
    const { worker, trainer } = await busyWorker();
    await worker.end("SIGKILL");
    // An orphaned trainer ends itself.
    await until(() => !isAlive(trainer), { what: "the end of the orphaned trainer" });
    await system.startWorker();
    expect(await finalTable(sweep)).toEqual(calm);
    expect(await attemptsOf(sweep.id)).toBe(7);
  });

  it("are the same after scheduler and aggregator were killed and started again", async () => {
    const sweep = await system.client.submit(TINY_SWEEP);
    await busyWorker();
    await Promise.all([system.scheduler.end("SIGKILL"), system.aggregator.end("SIGKILL")]);
    await Promise.all([system.startScheduler(), system.startAggregator()]);
    await system.ready();
    expect(await finalTable(sweep)).toEqual(calm);
    expect(await attemptsOf(sweep.id)).toBe(6);
  });

  it("are the same after a worker was told to stop and its runs went on elsewhere", async () => {
    const sweep = await system.client.submit(TINY_SWEEP);
    const { worker } = await busyWorker();
    await worker.end("SIGTERM", 30_000);
    await system.startWorker();
    expect(await finalTable(sweep)).toEqual(calm);
  });

  it("are the same while Redis is killed and comes back", async () => {
    const sweep = await system.client.submit(TINY_SWEEP);
    await busyWorker();
    await system.redis.kill();
    await system.redis.restart();
    expect(await finalTable(sweep)).toEqual(calm);
  });
});

describe.skipIf((await ensureVersitygw()) === null)(
  `a sweep on S3${(await ensureVersitygw()) === null ? ` (${NO_S3_REASON})` : ""}`,
  () => {
    it("has the leaderboard of a sweep on a folder", async () => {
      const s3 = (await startVersitygw())!;
      try {
        const onS3 = await startSystem({ workers: 2, slots: 1, storeUrl: await s3.bucketUrl("numbers"), env: s3.env });
        try {
          await importTiny(onS3.env);
          expect(await calmTable(onS3)).toEqual(calm);
        } finally {
          await onS3.stop();
        }
      } finally {
        await s3.stop();
      }
    });
  },
);

async function attemptsOf(sweep: string): Promise<number> {
  const rows = await Promise.all(
    calm.trials.flatMap(({ number, folds }) => folds.map(({ fold }) => system.client.run(`${sweep}-${number}-${fold}`))),
  );
  return rows.reduce((sum, run) => sum + run.attempt, 0);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
