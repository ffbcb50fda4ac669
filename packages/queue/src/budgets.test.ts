// What counts against the time budgets of a sweep, what a used-up one keeps from starting, and what reopening forgives.
import { startRedis } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import { beforeAll, expect, test } from "vitest";
import { createAndDispatch, failureOf, openSite, resultOf, sweepRecord } from "./sweep.case.ts";
import type { Site } from "./sweep.case.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  return () => redis.stop();
});

const setSweep = ({ connection }: Site, sweep: string, fields: Record<string, number>): Promise<number> =>
  connection.client.hset(connection.keys.sweep(sweep), fields);
/** As if the run had been claimed, or the sweep gone on, that much earlier. */
const claimedEarlier = async ({ connection, state }: Site, run: string, ms: number): Promise<number> =>
  connection.client.hset(connection.keys.run(run), "claimedAtMs", (await state.nowMs()) - ms);
const runningSince = async (site: Site, sweep: string, ms: number): Promise<number> =>
  setSweep(site, sweep, { runningSinceMs: (await site.state.nowMs()) - ms });
const nearly = (value: number): unknown => ({
  asymmetricMatch: (actual: number) => actual >= value && actual < value + 30,
  toString: () => `${value} and a little`,
});

test("slot seconds are the time that attempts held a slot, whichever way they ended", async () => {
  const site = await openSite(redis);
  const { state, leader, worker, connection } = site;
  const sweep = sweepRecord({ trials: 6 });
  await state.submitSweep(sweep);
  const runs = await createAndDispatch(site, sweep, 6);
  const [finished, crashed, released, lost, cancelled, adopted] = runs as [string, string, string, string, string, string];
  const seconds = async (): Promise<number | undefined> => (await state.sweep(sweep.id))?.slotSeconds;
  for (const run of runs) {
    await worker.claim(run, 1);
    await claimedEarlier(site, run, 100_000);
  }
  expect(await seconds()).toBe(0);
  await worker.finish(resultOf(finished, 1)); // its trainSeconds are 1.5
  expect(await seconds()).toEqual(nearly(100));
  await worker.finish(resultOf(finished, 1));
  await worker.endAttempt(crashed, failureOf(1, "crashed"));
  expect(await seconds()).toEqual(nearly(200));
  await worker.endAttempt(released, failureOf(1, "released"));
  expect(await seconds()).toEqual(nearly(300));
  await connection.client.zadd(connection.keys.leases, 1, lost);
  expect(await leader.expireLeases()).toEqual([lost]);
  expect(await seconds()).toEqual(nearly(400));
  await worker.endAttempt(cancelled, failureOf(1, "cancelled"));
  await leader.settleRun(resultOf(cancelled, 1, "cancelled"));
  expect(await seconds()).toEqual(nearly(500));
  await leader.settleRun(resultOf(adopted, 1));
  expect(await seconds()).toEqual(nearly(600));
  // The next attempt counts from its own claim.
  await leader.dispatch([{ run: released, pool: "default" }]);
  await worker.claim(released, 2);
  await worker.finish(resultOf(released, 2));
  expect(await seconds()).toEqual(nearly(600));
});

test("the wall clock counts only the time in which the sweep ran: not before its start, while paused, or after its end", async () => {
  const site = await openSite(redis);
  const { state, leader } = site;
  const sweep = sweepRecord({ trials: 1, wallClock: "1h" });
  await state.submitSweep(sweep);
  expect(await state.sweep(sweep.id)).toMatchObject({ runningMs: 0, runningSinceMs: null });
  await createAndDispatch(site, sweep, 1);
  await runningSince(site, sweep.id, 1_000_000);
  await state.moveSweep(sweep.id, "pause");
  expect(await state.sweep(sweep.id)).toMatchObject({ runningMs: nearlyMs(1_000_000), runningSinceMs: null });
  await state.moveSweep(sweep.id, "resume");
  expect((await state.sweep(sweep.id))?.runningSinceMs).toBeGreaterThan(0);
  await runningSince(site, sweep.id, 500_000);
  await leader.settleRun(resultOf(`${sweep.id}-0-0`, 1));
  await leader.settleTrial(sweep.id, 0, { state: "completed", reason: null, value: 1, best: true });
  await leader.settleSweep(sweep.id, "completed", null);
  expect(await state.sweep(sweep.id)).toMatchObject({ runningMs: nearlyMs(1_500_000), runningSinceMs: null });
  await state.addTrials(sweep.id, 1);
  expect(await state.sweep(sweep.id)).toMatchObject({ runningMs: nearlyMs(1_500_000), runningSinceMs: expect.any(Number) as number });
});
const nearlyMs = (value: number): unknown => ({
  asymmetricMatch: (actual: number) => actual >= value && actual < value + 30_000,
  toString: () => `${value} ms and a little`,
});

test.for([
  ["wallClock", { wallClock: "1h" }, { runningMs: 3_600_000 }],
  ["gpuHours", { gpuHours: 0.5 }, { slotSeconds: 1800 }],
] as const)("a used-up %s lets no trial start, and lets the folds of one that started run on", async ([budget, limit, used]) => {
  const site = await openSite(redis);
  const { state, leader, worker } = site;
  const sweep = sweepRecord({ trials: 3, folds: 2, ...limit });
  await state.submitSweep(sweep);
  await createAndDispatch(site, sweep, 2);
  await leader.createTrials(sweep.id, 2, [{ parameters: {}, retryOf: null }]);
  const run = (trial: number, fold: number): string => `${sweep.id}-${trial}-${fold}`;
  expect((await worker.claim(run(0, 0), 1)).reply).toBe("claimed");
  await setSweep(site, sweep.id, used);

  expect((await worker.claim(run(1, 0), 1)).reply).toBe("cancelled");
  expect((await state.run(run(1, 0)))?.parked).toMatchObject({
    reason: "cancelled",
    message: `budget.${budget} was used before the trial started`,
  });
  expect(await leader.dispatch([{ run: run(2, 0), pool: "default" }])).toEqual(["wrong-state"]);
  expect((await worker.claim(run(0, 1), 1)).reply).toBe("claimed");
  expect((await worker.heartbeat([{ run: run(0, 0), attempt: 1, epoch: 0, epochs: 1, imagesPerSecond: null }])).get(run(0, 0))).toBe("ok");
  expect(await worker.beginCommit(run(0, 0), 1)).toBe("ok");

  expect(await leader.stopTrial(sweep.id, 0, "cancelled", "time is up", "unstarted"), "it has started").toBe("wrong-state");
  for (const trial of [1, 2]) expect(await leader.stopTrial(sweep.id, trial, "cancelled", "time is up", "unstarted")).toBe("ok");
  expect((await leader.parkedRuns(10)).map(({ id }) => id).toSorted()).toEqual([run(1, 0), run(1, 1), run(2, 0), run(2, 1)]);
});

test("a sweep that failed is reopened with its failures forgiven, and with the trials that its end cancelled", async () => {
  const site = await openSite(redis);
  const { state, leader } = site;
  const sweep = sweepRecord({ trials: 4 });
  await state.submitSweep(sweep);
  await createAndDispatch(site, sweep, 3);
  for (const [trial, end] of (["failed", "cancelled", "cancelled"] as const).entries()) {
    await leader.settleRun(resultOf(`${sweep.id}-${trial}-0`, 1, end));
    await leader.settleTrial(sweep.id, trial, { state: end, reason: null, value: null, best: false });
  }
  await leader.settleSweep(sweep.id, "failed", "too many");
  expect(
    await state.addTrials(
      sweep.id,
      2,
      [1, 2, 2].map((retryOf) => ({ retryOf, parameters: {} })),
    ),
  ).toBe("ok");
  const reopened = await state.sweep(sweep.id);
  expect(reopened).toMatchObject({ state: "running", trialBudget: 8, trialsRetried: 2, failuresForgiven: 1, trialsFailed: 1 });
  expect(reopened?.retries.map(({ retryOf }) => retryOf)).toEqual([1, 2]);
  expect(await state.addTrials(sweep.id, 0, [{ retryOf: 0, parameters: {} }])).toBe("ok");
  expect(await state.addTrials(sweep.id, 0, [{ retryOf: 0, parameters: {} }])).toBe("wrong-state");
});
