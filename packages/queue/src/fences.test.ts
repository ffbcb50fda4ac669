// Who is not the leader, or not the current attempt, changes nothing: every fenced command is refused, and no key differs afterwards.
import { COMMANDS } from "@saphena/contracts";
import type { CommandName } from "@saphena/contracts";
import { startRedis } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import { beforeAll, expect, test } from "vitest";
import { createLeaderQueue } from "./index.ts";
import type { Argument, Connection } from "./connection.ts";
import { allOutcomes, checkpointOf, createAndDispatch, failureOf, openSite, resultOf, sweepRecord, workerOf } from "./sweep.case.ts";
import { resultArguments } from "./results.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  return () => redis.stop();
});

const fenced = (fence: string): CommandName[] => (Object.keys(COMMANDS) as CommandName[]).filter((name) => COMMANDS[name].fence === fence);

/** Every key of the namespace with its content. */
async function dump({ client, keys }: Connection): Promise<Map<string, string>> {
  const names = (await client.keys("*")).filter((name) => name.startsWith(keys.prefix) && !name.startsWith(keys.bullPrefix));
  const contents = await Promise.all(names.map((name) => client.dumpBuffer(name)));
  return new Map(names.map((name, at) => [name, contents[at]!.toString("base64")]));
}

test("a leader that was succeeded is refused by every leader command, and nothing changes", async () => {
  const site = await openSite(redis);
  const { state, connection } = site;
  const sweep = sweepRecord({ trials: 9 });
  await state.submitSweep(sweep);
  const [run] = (await createAndDispatch(site, sweep, 2)) as [string];
  const args: Record<string, Argument[]> = {
    releaseLeadership: [],
    createTrials: [sweep.id, 2, "nonce", "{}", ""],
    setLogSegments: [sweep.id, 3],
    dispatch: [run, "default"],
    acknowledgeDispatch: ["default", run, 1],
    withdraw: [run, 1],
    requeue: [run],
    expireLeases: [1],
    settleRun: [run, ...resultArguments(resultOf(run, 1))],
    stopTrial: [sweep.id, 0, "failed", "why"],
    settleTrial: [sweep.id, 0, "failed", "", "", "0", "{}"],
    clearSettling: [sweep.id, 0],
    stopSweep: [sweep.id, "failed", "why"],
    settleSweep: [sweep.id, "failed", "", ""],
  };
  expect(Object.keys(args).toSorted()).toEqual(fenced("leader").toSorted());
  const before = await dump(connection);
  for (const name of fenced("leader")) {
    expect(await connection.call(name, ["leader-1", 0, ...args[name]!]), name).toEqual(["stale-leader"]);
    expect(await connection.call(name, ["leader-2", 1, ...args[name]!]), name).toEqual(["stale-leader"]);
  }
  expect(await dump(connection)).toEqual(before);
});

test("a leader learns by STALE_LEADER that another leads, and its successor has the higher epoch", async () => {
  const { state, leader, connection } = await openSite(redis);
  const successor = createLeaderQueue(state, { owner: "leader-2" });
  expect(leader.epoch).toBe(1);
  expect(await successor.tryLead()).toBe(false);
  expect(successor.epoch).toBeNull();
  await expect(successor.expireLeases()).rejects.toMatchObject({ code: "STALE_LEADER" });
  await connection.client.hset(connection.keys.leader, "expiresAtMs", 1); // as if it had been away for a lease
  expect(await leader.tryLead(), "nobody has taken over yet").toBe(true);
  expect(leader.epoch).toBe(1);
  await connection.client.hset(connection.keys.leader, "expiresAtMs", 1);
  expect(await successor.tryLead()).toBe(true);
  expect(successor.epoch).toBe(2);
  await expect(leader.requeue("swp_000000000000-0-0")).rejects.toMatchObject({ code: "STALE_LEADER" });
  expect(leader.epoch).toBeNull();
  await successor.resign();
  expect(await leader.tryLead()).toBe(true);
  expect(leader.epoch).toBe(3);
});

test("a process that starts again under the same owner name raises the epoch", async () => {
  const { state, leader } = await openSite(redis);
  const again = createLeaderQueue(state, { owner: "leader-1" });
  expect(await again.tryLead()).toBe(true);
  expect(again.epoch).toBe(2);
  await expect(leader.expireLeases()).rejects.toMatchObject({ code: "STALE_LEADER" });
});

test("a stale attempt, another worker and an attempt that ended are refused by every attempt command, and nothing changes", async () => {
  const site = await openSite(redis);
  const { state, worker, connection } = site;
  const sweep = sweepRecord({ trials: 9 });
  await state.submitSweep(sweep);
  const [running, ended] = (await createAndDispatch(site, sweep, 2)) as [string, string];
  await worker.claim(running, 1);
  await worker.claim(ended, 1);
  await worker.endAttempt(ended, failureOf(1, "crashed"));

  const refused = async (run: string, attempt: number, name: string): Promise<void> => {
    const args: Record<string, Argument[]> = {
      claim: [run, attempt, name, 1_000, "{}"],
      reportPoints: [run, attempt, name, 9, "{}"],
      recordCheckpoint: [run, attempt, name, JSON.stringify(checkpointOf(run, 1, 9))],
      beginCommit: [run, attempt, name, 1_000],
      finish: [run, attempt, name, ...resultArguments(resultOf(run, attempt))],
      endAttempt: [run, attempt, name, "crashed", "{}"],
    };
    expect(Object.keys(args).toSorted()).toEqual(fenced("attempt").toSorted());
    for (const command of fenced("attempt")) expect(await connection.call(command, args[command]!), command).toEqual(["stale-attempt"]);
  };
  const before = await dump(connection);
  await refused(running, 0, "worker-1");
  await refused(running, 2, "worker-1");
  await refused(running, 1, "worker-2");
  await refused(ended, 1, "worker-1");
  await refused(`${sweep.id}-77-0`, 1, "worker-1");
  expect(await dump(connection)).toEqual(before);
  const beat = { epoch: 1, epochs: 2, imagesPerSecond: null };
  const replies = await workerOf(state, "worker-2").heartbeat([{ run: running, attempt: 1, ...beat }]);
  expect(replies.get(running)).toBe("stale-attempt");
});

test("a command whose reply was lost may be sent again: claim, finish and createTrials answer the same and count once", async () => {
  const site = await openSite(redis);
  const { state, worker, connection } = site;
  const sweep = sweepRecord({ trials: 4 });
  await state.submitSweep(sweep);
  const [run] = (await createAndDispatch(site, sweep, 1)) as [string];
  const first = await worker.claim(run, 1);
  expect(await worker.claim(run, 1)).toEqual(first);
  expect(await worker.finish(resultOf(run, 1))).toBe("finished");
  expect(await worker.finish(resultOf(run, 1))).toBe("finished");
  expect(await worker.finish(resultOf(run, 1, "completed", "another nonce"))).toBe("stale-attempt");
  const create = ["leader-1", 1, sweep.id, 1, "one call", "{}", ""];
  expect(await connection.call("createTrials", create)).toEqual(["created"]);
  expect(await connection.call("createTrials", create)).toEqual(["created"]);
  const edit = [sweep.id, "one edit", 5];
  expect(await connection.call("addTrials", edit)).toEqual(["ok"]);
  expect(await connection.call("addTrials", edit)).toEqual(["ok"]);
  expect(await state.sweep(sweep.id)).toMatchObject({ trialsCreated: 2, trialBudget: 9, runsFinal: 1 });
  expect((await allOutcomes(state)).filter(({ type }) => type === "runFinished" || type === "runStarted")).toHaveLength(2);
});

test("points of an epoch enter the stream once, whichever attempt reports them", async () => {
  const site = await openSite(redis);
  const { state, leader, worker } = site;
  const sweep = sweepRecord();
  await state.submitSweep(sweep);
  const [run] = (await createAndDispatch(site, sweep, 1)) as [string];
  await worker.claim(run, 1);
  const report = (attempt: number, epoch: number): Promise<string> => worker.reportPoints(run, attempt, { epoch, values: { loss: epoch } });
  expect([await report(1, 1), await report(1, 2), await report(1, 2)]).toEqual(["ok", "ok", "duplicate"]);
  await worker.endAttempt(run, failureOf(1, "released"));
  await leader.dispatch([{ run, pool: "default" }]);
  await worker.claim(run, 2);
  expect([await report(1, 3), await report(2, 1), await report(2, 2), await report(2, 3)]).toEqual([
    "stale-attempt",
    "duplicate",
    "duplicate",
    "ok",
  ]);
  const { points } = await state.readStreams({ outcomes: "0-0", points: "0-0" }, { count: 100, blockMs: 0 });
  expect(points.map(({ event }) => [event.attempt, event.points.epoch])).toEqual([
    [1, 1],
    [1, 2],
    [2, 3],
  ]);
  await expect(worker.reportPoints(run, 2, { epoch: 4, values: { loss: Number.NaN } })).rejects.toMatchObject({ code: "INTERNAL" });
});
