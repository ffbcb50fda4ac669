// Edits of a sweep and what they do to its runs: pause, resume, cancel, more trials, retries, stopping.
import { startRedis, until } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import { SaphenaError } from "@saphena/contracts";
import type { ControlMessage } from "@saphena/contracts";
import { beforeAll, expect, test } from "vitest";
import { createLeaderQueue } from "./index.ts";
import type { LeaderQueue } from "./index.ts";
import { allOutcomes, createAndDispatch, failureOf, openSite, resultOf, sweepRecord } from "./sweep.case.ts";
import type { Site } from "./sweep.case.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  return () => redis.stop();
});

const beat = { epoch: 1, epochs: 2, imagesPerSecond: 3.5 };

/** One trial of `folds` runs that all ended so, settled. */
async function runTrial(site: Site, sweep: string, trial: number, state: "completed" | "failed"): Promise<void> {
  const run = `${sweep}-${trial}-0`;
  await site.leader.createTrials(sweep, trial, [{ parameters: { x: trial / 3 }, retryOf: null }]);
  await site.leader.settleRun(resultOf(run, 0, state));
  await site.leader.settleTrial(sweep, trial, { state, reason: null, value: null, best: false });
}

test("pausing sends waiting runs back and asks running ones to release; resuming lets both go on", async () => {
  const site = await openSite(redis);
  const { state, leader, worker } = site;
  const sweep = sweepRecord();
  await state.submitSweep(sweep);
  const [running, waiting] = (await createAndDispatch(site, sweep, 2)) as [string, string];
  await worker.claim(running, 1);
  const messages: ControlMessage[] = [];
  await state.onControl((message) => messages.push(message));

  expect(await state.moveSweep(sweep.id, "pause")).toBe("ok");
  expect(await state.moveSweep(sweep.id, "pause"), "it is paused already").toBe("ok");
  await until(() => messages.length > 0, { what: "the control message" });
  expect(messages).toEqual([{ sweep: sweep.id, run: null, action: "release" }]);
  expect((await worker.heartbeat([{ run: running, attempt: 1, ...beat }])).get(running)).toBe("release");
  expect(await worker.claim(waiting, 1)).toEqual({ reply: "paused" });
  expect(await worker.endAttempt(running, failureOf(1, "paused"))).toBe("ok");
  expect(await leader.parkedRuns(10)).toEqual([]);
  expect(await leader.backlog(sweep.id, 10)).toEqual([running, waiting]);
  expect(await leader.dispatch([{ run: running, pool: "default" }])).toEqual(["wrong-state"]);
  expect(await leader.createTrials(sweep.id, 2, [{ parameters: {}, retryOf: null }])).toBe("wrong-state");
  expect(await state.sweep(sweep.id)).toMatchObject({ state: "paused", runsInFlight: 0, runsRunning: 0 });

  expect(await state.moveSweep(sweep.id, "resume")).toBe("ok");
  expect(await leader.dispatch([running, waiting].map((run) => ({ run, pool: "default" })))).toEqual(["dispatched", "dispatched"]);
  expect(await worker.claim(running, 2)).toMatchObject({ reply: "claimed", run: { failures: [] } });
  const ended = (await allOutcomes(state)).filter(({ type }) => type === "attemptEnded");
  expect(ended).toHaveLength(2);
});

test("cancelling winds a sweep down through the leader and it ends as cancelled only", async () => {
  const site = await openSite(redis);
  const { state, leader, worker } = site;
  const sweep = sweepRecord({ trials: 4 });
  await state.submitSweep(sweep);
  const [running, dispatched] = (await createAndDispatch(site, sweep, 2)) as [string, string];
  await leader.createTrials(sweep.id, 2, [{ parameters: {}, retryOf: null }]);
  const waiting = `${sweep.id}-2-0`;
  await worker.claim(running, 1);

  expect(await state.moveSweep(sweep.id, "cancel")).toBe("ok");
  expect(await state.moveSweep(sweep.id, "resume")).toBe("wrong-state");
  expect(await state.addTrials(sweep.id, 1)).toBe("wrong-state");
  expect(await state.sweep(sweep.id)).toMatchObject({ state: "running", stopping: "cancelled" });
  expect(await worker.claim(dispatched, 1)).toEqual({ reply: "cancelled" });
  expect((await worker.heartbeat([{ run: running, attempt: 1, ...beat }])).get(running)).toBe("cancel");
  expect(await worker.beginCommit(running, 1)).toBe("cancel");
  for (const trial of await state.openTrials(sweep.id))
    expect(await leader.stopTrial(sweep.id, trial, "cancelled", "cancelled")).toBe("ok");
  expect(await worker.endAttempt(running, failureOf(1, "released"))).toBe("ok"); // released, but not to run again
  const parked = await leader.parkedRuns(10);
  expect(new Map(parked.map(({ id, parked: why }) => [id, why?.reason]))).toEqual(
    new Map([
      [running, "released"],
      [dispatched, "cancelled"],
      [waiting, "cancelled"],
    ]),
  );
  expect(await leader.requeue(waiting)).toBe("wrong-state");

  for (const run of parked) expect(await leader.settleRun(resultOf(run.id, run.attempt, "cancelled"))).toBe("settled");
  expect(await leader.settleRun(resultOf(running, 1, "completed"))).toBe("already-final");
  expect(await leader.settleSweep(sweep.id, "cancelled", null), "trials are open").toBe("wrong-state");
  for (const trial of [0, 1, 2])
    expect(await leader.settleTrial(sweep.id, trial, { state: "cancelled", reason: null, value: null, best: false })).toBe("settled");
  expect(await leader.settleSweep(sweep.id, "completed", null)).toBe("wrong-state");
  expect(await leader.settleSweep(sweep.id, "cancelled", "by the user")).toBe("settled");
  expect(await state.sweep(sweep.id)).toMatchObject({
    state: "cancelled",
    reason: "by the user",
    stopping: null,
    trialsCancelled: 3,
    runsFinal: 3,
    runsInFlight: 0,
  });
  expect(await state.moveSweep(sweep.id, "cancel")).toBe("ok");
  expect(await state.moveSweep(sweep.id, "pause")).toBe("wrong-state");
  expect(await state.addTrials(sweep.id, 1)).toBe("wrong-state");
});

test("a trial that is stopped cancels its running folds and parks the others", async () => {
  const site = await openSite(redis);
  const { state, leader, worker } = site;
  const sweep = sweepRecord({ trials: 2, folds: 3, concurrency: 2 });
  await state.submitSweep(sweep);
  const [running, dispatched, waiting] = (await createAndDispatch(site, sweep, 1)) as [string, string, string];
  await worker.claim(running, 1);
  const messages: ControlMessage[] = [];
  await state.onControl((message) => messages.push(message));
  expect(await leader.stopTrial(sweep.id, 0, "failed", "fold 9 failed")).toBe("ok");
  expect(await leader.stopTrial(sweep.id, 0, "failed", "fold 9 failed")).toBe("ok");
  expect(await leader.stopTrial(sweep.id, 0, "pruned", "late")).toBe("wrong-state");
  expect(await leader.stopTrial(sweep.id, 1, "failed", "no such trial")).toBe("wrong-state");
  await until(() => messages.length > 0, { what: "the control message" });
  expect(messages[0]).toEqual({ sweep: sweep.id, run: running, action: "cancel" });
  const parked = await leader.parkedRuns(10);
  expect(parked.map(({ id, attempt }) => [id, attempt]).toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
    [dispatched, 1],
    [waiting, 0],
  ]);
  expect(await worker.claim(dispatched, 1)).toEqual({ reply: "stale-attempt" });
  expect((await worker.heartbeat([{ run: running, attempt: 1, ...beat }])).get(running)).toBe("cancel");
  expect(await state.sweep(sweep.id)).toMatchObject({ runsInFlight: 1, runsRunning: 1 });
  // The trial is looked at, nothing is to be done yet; what ends later puts it on the list again.
  await leader.clearSettling(sweep.id, 0);
  expect(await leader.settlingTrials(10)).toEqual([]);
  for (const run of parked) await leader.settleRun(resultOf(run.id, run.attempt, "cancelled"));
  await leader.clearSettling(sweep.id, 0);
  expect(await worker.endAttempt(running, failureOf(1, "cancelled"))).toBe("ok");
  await leader.settleRun(resultOf(running, 1, "cancelled"));
  await leader.clearSettling(sweep.id, 0);
  expect(await leader.settlingTrials(10), "all runs are final: clearing may not lose that").toEqual([{ sweep: sweep.id, trial: 0 }]);
  expect(await leader.settleTrial(sweep.id, 0, { state: "failed", reason: "fold 9 failed", value: null, best: false })).toBe("settled");
  expect(await leader.settlingTrials(10)).toEqual([]);
});

test("a leader and its successor race to create trials, and the budget is never overshot", async () => {
  const { state, leader, connection } = await openSite(redis);
  const successor = createLeaderQueue(state, { owner: "leader-2" });
  const sweep = sweepRecord({ trials: 25 });
  await state.submitSweep(sweep);
  const create = async (queue: LeaderQueue, first: number, count: number): Promise<string> => {
    try {
      return await queue.createTrials(
        sweep.id,
        first,
        Array.from({ length: count }, () => ({ parameters: {}, retryOf: null })),
      );
    } catch (error) {
      return SaphenaError.from(error).code;
    }
  };
  const firsts = Array.from({ length: 40 }, (_, at) => Math.floor(at / 4) * 3);
  // In one pipeline: half of the old leader's calls, the end of its lease, the take-over, the other half among the new leader's calls.
  const early = firsts.slice(0, 20).map((first) => create(leader, first, 3));
  const takeOver = connection.client.hset(connection.keys.leader, "expiresAtMs", 1).then(() => successor.tryLead());
  const late = firsts.map((first) => create(leader, first, 3));
  await takeOver;
  const after = firsts.map((first) => create(successor, first, 3));
  const replies = await Promise.all([...early, ...late, ...after]);
  expect(await create(leader, 24, 1)).toBe("STALE_LEADER");
  expect((await state.sweep(sweep.id))?.trialsCreated).toBe(3 * replies.filter((reply) => reply === "created").length);
  expect(await create(successor, 24, 2), "all or nothing").toBe("budget-used");
  expect(await create(successor, 24, 1)).toBe("created");
  expect(await create(successor, 25, 1)).toBe("budget-used");
  expect(await state.sweep(sweep.id)).toMatchObject({ trialsCreated: 25, trialBudget: 25 });
  expect(await state.openTrials(sweep.id)).toHaveLength(25);
});

test("dispatch keeps to the sweep's concurrency however many are tried at once", async () => {
  const site = await openSite(redis);
  const sweep = sweepRecord({ trials: 6, concurrency: 2 });
  await site.state.submitSweep(sweep);
  const runs = await createAndDispatch(site, sweep, 6);
  const replies = await site.leader.dispatch(runs.map((run) => ({ run, pool: "default" })));
  expect(replies).toEqual(["wrong-state", "wrong-state", ...Array.from({ length: 4 }, () => "concurrency-full")]);
  expect(await site.state.sweep(sweep.id)).toMatchObject({ runsInFlight: 2 });
  await site.worker.claim(runs[0]!, 1);
  await site.worker.finish(resultOf(runs[0]!, 1));
  expect(await site.leader.dispatch([{ run: runs[2]!, pool: "default" }])).toEqual(["dispatched"]);
});

test("more trials reopen a completed sweep; one that was decided complete on an older budget stays open", async () => {
  const site = await openSite(redis);
  const { state, leader } = site;
  const sweep = sweepRecord({ trials: 1 });
  await state.submitSweep(sweep);
  await runTrial(site, sweep.id, 0, "completed");
  expect(await leader.settleSweep(sweep.id, "completed", null, { trialBudget: 1 })).toBe("settled");
  expect(await state.addTrials(sweep.id, 1)).toBe("ok");
  expect(await state.activeSweeps()).toMatchObject([{ state: "running", trialBudget: 2, finishedAtMs: null }]);
  await runTrial(site, sweep.id, 1, "completed");
  expect(await state.addTrials(sweep.id, 3)).toBe("ok");
  expect(await leader.settleSweep(sweep.id, "completed", null, { trialBudget: 2 })).toBe("wrong-state");
  expect(await state.addTrials("swp_000000000000", 3)).toBe("unknown");
});

test("retries wait with their parameters exactly as they were, each failed trial at most once, until their trial is created", async () => {
  const site = await openSite(redis);
  const { state, leader } = site;
  const sweep = sweepRecord({ trials: 4 });
  await state.submitSweep(sweep);
  for (const trial of [0, 1, 2]) await runTrial(site, sweep.id, trial, "failed");
  await runTrial(site, sweep.id, 3, "completed");
  await leader.settleSweep(sweep.id, "failed", "too many");
  const parameters = { "train.optimizer.learningRate": 0.1 + 0.2, "model.arch": 'a "\n,' };
  expect(await state.addTrials(sweep.id, 0, [{ retryOf: 3, parameters }]), "it did not fail").toBe("wrong-state");
  expect(
    await state.addTrials(sweep.id, 0, [
      { retryOf: 0, parameters },
      { retryOf: 2, parameters },
    ]),
  ).toBe("ok");
  expect(
    await state.addTrials(sweep.id, 0, [
      { retryOf: 2, parameters },
      { retryOf: 1, parameters },
    ]),
  ).toBe("ok");
  expect(await state.addTrials(sweep.id, 0, [{ retryOf: 1, parameters }])).toBe("wrong-state");
  const reopened = await state.sweep(sweep.id);
  expect(reopened).toMatchObject({ state: "running", trialBudget: 7, trialsRetried: 3, failuresForgiven: 3, reason: null });
  expect(reopened?.retries).toEqual([0, 2, 1].map((retryOf) => ({ retryOf, parameters })));
  expect(await leader.createTrials(sweep.id, 4, [{ parameters, retryOf: 2 }])).toBe("created");
  expect((await state.sweep(sweep.id))?.retries.map(({ retryOf }) => retryOf)).toEqual([0, 1]);
  await leader.createTrials(sweep.id, 5, [
    { parameters, retryOf: 0 },
    { parameters, retryOf: 1 },
  ]);
  expect((await state.sweep(sweep.id))?.retries).toEqual([]);
  expect(await state.trial(sweep.id, 4)).toMatchObject({ parameters, retryOf: 2 });
});

test("a paused sweep goes on when trials are added, and one never begun is queued again when resumed", async () => {
  const { state } = await openSite(redis);
  const sweep = sweepRecord();
  await state.submitSweep(sweep);
  await state.moveSweep(sweep.id, "pause");
  await state.moveSweep(sweep.id, "resume");
  expect((await state.sweep(sweep.id))?.state).toBe("queued");
  await state.moveSweep(sweep.id, "pause");
  await state.addTrials(sweep.id, 2);
  expect(await state.sweep(sweep.id)).toMatchObject({ state: "queued", trialBudget: 5 });
  expect(await state.moveSweep("swp_000000000000", "pause")).toBe("unknown");
});

test("a sweep that failed winds down as failed", async () => {
  const site = await openSite(redis);
  const { state, leader } = site;
  const sweep = sweepRecord();
  await state.submitSweep(sweep);
  await runTrial(site, sweep.id, 0, "failed");
  expect(await leader.stopSweep(sweep.id, "failed", "3 trials failed")).toBe("ok");
  expect(await state.moveSweep(sweep.id, "cancel")).toBe("wrong-state");
  expect(await leader.createTrials(sweep.id, 1, [{ parameters: {}, retryOf: null }])).toBe("wrong-state");
  expect(await leader.settleSweep(sweep.id, "failed", "3 trials failed")).toBe("settled");
  expect(await leader.stopSweep(sweep.id, "failed", "again")).toBe("wrong-state");
  await leader.setLogSegments(sweep.id, 4);
  expect(await state.sweep(sweep.id)).toMatchObject({ state: "failed", reason: "3 trials failed", logSegments: 4 });
});
