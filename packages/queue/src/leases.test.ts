// Leases: a silent worker loses its runs, a late one keeps them, and time in which nobody looked counts against no worker.
import { startRedis, until } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import { beforeAll, expect, test } from "vitest";
import { createAndDispatch, openSite, resultOf, sweepRecord } from "./sweep.case.ts";
import type { Site } from "./sweep.case.ts";
import { createWorkerQueue } from "./worker-queue.ts";
import type { WorkerQueue } from "./worker-queue.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  return () => redis.stop();
});

const beat = { epoch: 1, epochs: 2, imagesPerSecond: null };

async function oneRunning(site: Site): Promise<{ run: string; sweep: string }> {
  const sweep = sweepRecord();
  await site.state.submitSweep(sweep);
  const [run] = (await createAndDispatch(site, sweep, 1)) as [string];
  await site.worker.claim(run, 1);
  return { run, sweep: sweep.id };
}

test("a run whose lease ran out is parked as lost and counts as a failure; its worker is told so", async () => {
  const site = await openSite(redis, { leaseMs: 100 });
  const { leader, state, worker } = site;
  const { run, sweep } = await oneRunning(site);
  expect(await leader.expireLeases()).toEqual([]);
  expect(await until(async () => (await leader.expireLeases())[0], { what: "the lease to run out" })).toBe(run);
  expect(await leader.parkedRuns(10)).toMatchObject([
    { id: run, state: "queued", worker: null, parked: { reason: "lost", attempt: 1, worker: "worker-1" } },
  ]);
  expect((await state.run(run))?.failures).toMatchObject([{ reason: "lost", code: "RUN_LOST" }]);
  expect(await state.sweep(sweep)).toMatchObject({ runsInFlight: 0, runsRunning: 0 });
  expect((await worker.heartbeat([{ run, attempt: 1, ...beat }])).get(run)).toBe("stale-attempt");
  expect(await worker.finish(resultOf(run, 1))).toBe("stale-attempt");
  // It had written its result before it was cut off: that is the truth.
  expect(await leader.settleRun(resultOf(run, 1))).toBe("settled");
  expect(await leader.parkedRuns(10)).toEqual([]);
});

test("a heartbeat renews, also after the lease ran out, as long as nobody has expired it", async () => {
  const site = await openSite(redis);
  const { leader, worker, connection } = site;
  const { run } = await oneRunning(site);
  await connection.client.zadd(connection.keys.leases, 1, run); // it ran out in 1970
  expect((await worker.heartbeat([{ run, attempt: 1, ...beat }])).get(run)).toBe("ok");
  expect(await leader.expireLeases()).toEqual([]);
  await connection.client.zadd(connection.keys.leases, 1, run);
  expect(await worker.beginCommit(run, 1)).toBe("ok");
  expect(await leader.expireLeases()).toEqual([]);
});

test("after an outage longer than the lease the workers still have time to renew", async () => {
  const site = await openSite(redis, { leaseMs: 10_000 });
  const { leader, worker, connection, state } = site;
  const { run } = await oneRunning(site);
  expect(await leader.expireLeases()).toEqual([]);
  // A minute passes in which neither leader nor worker reaches Redis: all times lie a minute further back.
  const minute = 60_000;
  await connection.client.hincrby(connection.keys.leader, "sweptAtMs", -minute);
  await connection.client.zincrby(connection.keys.leases, -minute, run);
  expect(await leader.expireLeases()).toEqual([]);
  const lease = Number(await connection.client.zscore(connection.keys.leases, run));
  expect(lease - (await state.nowMs())).toBeGreaterThan(2_000);
  expect((await worker.heartbeat([{ run, attempt: 1, ...beat }])).get(run)).toBe("ok");
});

test("a leader that looks only now and then still finds a dead worker", async () => {
  const site = await openSite(redis, { leaseMs: 10_000 });
  const { leader, connection } = site;
  const { run } = await oneRunning(site);
  await leader.expireLeases();
  const rounds: string[][] = [];
  while (rounds.flat().length === 0 && rounds.length < 10) {
    await connection.client.hincrby(connection.keys.leader, "sweptAtMs", -6_000);
    await connection.client.zincrby(connection.keys.leases, -6_000, run);
    rounds.push(await leader.expireLeases());
  }
  expect(rounds.flat()).toEqual([run]);
  expect(rounds.length, "4 rounds of a quarter of a lease").toBe(4);
});

test("workers and pools are listed while their heartbeats are young", async () => {
  const site = await openSite(redis);
  const { state, worker, connection } = site;
  const { run } = await oneRunning(site);
  await worker.heartbeat([{ run, attempt: 1, epoch: 3, epochs: 20, imagesPerSecond: 12.5 }]);
  const gpu = { kind: "gpu", id: "GPU-1", name: "A", slots: 1, memoryTotalMiB: 81_559, utilizationPercent: null } as const;
  const twin = (name: string, slots: number, memoryUsedMiB: number): WorkerQueue =>
    createWorkerQueue(state, { worker: name, pool: "default", slots, host: "here", pid: 1, devices: () => [{ ...gpu, memoryUsedMiB }] });
  await twin("worker-2", 3, 5).heartbeat([]);
  expect((await state.workers()).map(({ id }) => id).toSorted()).toEqual(["worker-1", "worker-2"]);
  expect((await state.workers()).find(({ id }) => id === "worker-1")).toMatchObject({
    pool: "default",
    slots: 2,
    host: "here",
    running: [{ run, attempt: 1, epoch: 3, epochs: 20, imagesPerSecond: 12.5 }],
  });
  await site.leader.createTrials(run.split("-")[0]!, 1, [{ parameters: {}, retryOf: null }]);
  const device = { host: "here", ...gpu, memoryUsedMiB: 5 };
  expect(await state.pools()).toEqual([{ pool: "default", slots: 5, running: 1, waiting: 0, backlog: 1, workers: 2, devices: [device] }]);
  // Two workers on one card: one device, all its slots, the newer word on it.
  await twin("worker-3", 1, 9).heartbeat([]);
  expect((await state.pools())[0]?.devices).toEqual([{ ...device, slots: 2, memoryUsedMiB: 9 }]);
  await connection.client.zadd(connection.keys.workers, 1, "worker-3");
  await worker.removeWorker();
  await connection.client.zadd(connection.keys.workers, 1, "worker-2");
  expect(await state.workers()).toEqual([]);
  expect(await state.pools()).toMatchObject([{ slots: 0, workers: 0 }]);
});
