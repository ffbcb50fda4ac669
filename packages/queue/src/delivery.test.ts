// Delivery by BullMQ: what is lost or doubled between our records and its queue changes nothing for good.
import { inspect } from "node:util";
import { startRedis, until } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { JobQueues } from "./delivery.ts";
import { createAndDispatch, openSite, resultOf, sweepRecord, workerOf } from "./sweep.case.ts";
import type { Site } from "./sweep.case.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  return () => redis.stop();
});

/** Runs everything that is delivered; the attempts in the order they came. */
async function runAll(site: Site): Promise<{ delivered: string[]; close(): Promise<void> }> {
  const delivered: string[] = [];
  const delivery = await site.worker.consume(async (run, attempt) => {
    const { reply } = await site.worker.claim(run, attempt);
    delivered.push(`${run}/${attempt} ${reply}`);
    if (reply === "claimed") await site.worker.finish(resultOf(run, attempt));
  });
  return { delivered, close: () => delivery.close() };
}

test("a dispatch that crashed before BullMQ had the job is delivered again", async () => {
  const site = await openSite(redis);
  const { state, leader, connection } = site;
  const sweep = sweepRecord();
  await state.submitSweep(sweep);
  await leader.createTrials(sweep.id, 0, [{ parameters: {}, retryOf: null }]);
  const [run] = (await leader.backlog(sweep.id, 1)) as [string];
  expect(await connection.call("dispatch", ["leader-1", 1, run, "default"])).toEqual(["dispatched", "1"]); // and then the leader died
  const { delivered, close } = await runAll(site);
  expect(await leader.redeliver()).toBe(1);
  expect(await leader.redeliver()).toBe(0);
  await until(async () => (await state.run(run))?.state === "completed", { what: "the run" });
  await close();
  expect(delivered).toEqual([`${run}/1 claimed`]);
});

test("a job that is added twice is one job while it is there, and a refused claim afterwards", async () => {
  const site = await openSite(redis);
  const { state } = site;
  const jobs = new JobQueues(site.connection);
  const sweep = sweepRecord();
  await state.submitSweep(sweep);
  const [run] = (await createAndDispatch(site, sweep, 1)) as [string];
  await jobs.add("default", [{ run, attempt: 1 }]);
  const { delivered, close } = await runAll(site);
  await until(async () => (await state.run(run))?.state === "completed", { what: "the run" });
  await jobs.add("default", [{ run, attempt: 1 }]);
  await until(() => delivered.length === 2, { what: "the second delivery" });
  await close();
  expect(delivered).toEqual([`${run}/1 claimed`, `${run}/1 stale-attempt`]);
  expect(await state.sweep(sweep.id)).toMatchObject({ runsFinal: 1, runsInFlight: 0 });
});

test("a job whose worker died before its claim is withdrawn and dispatched anew; the dead worker's job goes once its lock has", async () => {
  const site = await openSite(redis, { leaseMs: 50 });
  const { state, leader, connection } = site;
  const jobs = new JobQueues(connection);
  const sweep = sweepRecord();
  await state.submitSweep(sweep);
  const [run] = (await createAndDispatch(site, sweep, 1)) as [string];
  const releases: (() => void)[] = [];
  const dead = await workerOf(state, "worker-9").consume(() => new Promise((resolve) => releases.push(resolve))); // takes it and never claims
  await until(() => releases.length === 1, { what: "the job to be taken" });
  await until(async () => (await leader.cleanUpJobs()) === 1, { what: "the clean-up" });
  expect(await leader.backlog(sweep.id, 5)).toEqual([run]);
  expect(await state.sweep(sweep.id)).toMatchObject({ runsInFlight: 0 });
  expect(await leader.cleanUpJobs(), "its lock is still held").toBe(0);
  expect(await jobs.active("default")).toEqual([{ run, attempt: 1 }]);
  await connection.client.del(`${connection.keys.bullPrefix}:default:${run}-1:lock`); // ran out
  expect(await leader.cleanUpJobs()).toBe(1);
  expect(await jobs.active("default")).toEqual([]);
  expect(await leader.dispatch([{ run, pool: "default" }])).toEqual(["dispatched"]);
  expect((await state.run(run))?.attempt).toBe(2);
  // It comes back to life: that its job is gone is told, not thrown, and it takes the next.
  releases[0]!();
  await until(() => site.errors.length > 0 && releases.length > 1, { what: "the complaint, and the next attempt" });
  releases[1]!();
  await dead.close();
});

test("a run whose job vanished from BullMQ is withdrawn", async () => {
  const site = await openSite(redis, { leaseMs: 50 });
  const { state, leader } = site;
  const sweep = sweepRecord();
  await state.submitSweep(sweep);
  const [run, other] = (await createAndDispatch(site, sweep, 2)) as [string, string];
  await new JobQueues(site.connection).remove("default", { run, attempt: 1 });
  await until(async () => (await leader.cleanUpJobs()) === 1, { what: "the clean-up" });
  expect(await leader.backlog(sweep.id, 5)).toEqual([run]);
  expect((await state.run(other))?.attempt, "it waits in BullMQ").toBe(1);
  expect(await state.sweep(sweep.id)).toMatchObject({ runsInFlight: 1 });
});

test("a worker never runs more than its slots, and takes nothing new once it pauses", async () => {
  const site = await openSite(redis);
  const { state, leader } = site;
  const sweep = sweepRecord({ trials: 6 });
  await state.submitSweep(sweep);
  const releases: (() => void)[] = [];
  const delivery = await site.worker.consume(() => new Promise((resolve) => releases.push(resolve)));
  await createAndDispatch(site, sweep, 6);
  await until(() => releases.length === 2, { what: "two slots" });
  await delivery.pause();
  releases.forEach((release) => release());
  await delivery.close();
  expect(releases).toHaveLength(2);
  const other = await workerOf(state, "worker-2", 6).consume(() => new Promise((resolve) => releases.push(resolve)));
  await until(() => releases.length === 6, { what: "the others, with another worker" });
  releases.forEach((release) => release());
  await other.close();
  expect(await leader.redeliver()).toBe(0);
});

test("a processor that throws is told and ends its job", async () => {
  const site = await openSite(redis);
  const sweep = sweepRecord();
  await site.state.submitSweep(sweep);
  const delivery = await site.worker.consume(() => Promise.reject(new Error("no hands")));
  await createAndDispatch(site, sweep, 1);
  await until(() => site.errors.length > 0, { what: "the error" });
  await delivery.close();
  expect(site.errors.map(({ message }) => message).join()).toContain("no hands");
  expect(await new JobQueues(site.connection).active("default")).toEqual([]);
});

test("no error that is told of shows the password", async () => {
  const guarded = await startRedis();
  onTestFinished(() => guarded.stop());
  const { connection: open } = await openSite(guarded);
  await open.client.config("SET", "requirepass", "old-secret");
  const { errors, worker } = await openSite(guarded, { redisUrl: guarded.url.replace("//", "//:old-secret@") });
  const delivery = await worker.consume(() => Promise.resolve());
  await open.client.config("SET", "requirepass", "new-secret");
  await open.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  // From our own client, and from BullMQ's.
  await until(() => errors.some(({ message }) => message.startsWith("WRONGPASS")), { what: "BullMQ to complain" });
  await until(() => errors.some(({ message }) => message.startsWith("Redis cannot")), { what: "our client to complain" });
  expect(inspect(errors, { depth: 10, showHidden: true })).not.toMatch(/old-secret/);
  await delivery.close();
});
