// The whole way of a sweep through the queue, on a real server: submit, create, dispatch, deliver, train, commit, settle.
import { startRedis, until } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import { beforeAll, expect, test } from "vitest";
import { allOutcomes, checkpointOf, createAndDispatch, failureOf, openSite, resultOf, sweepRecord } from "./sweep.case.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  return () => redis.stop();
});

test("a sweep goes from submit to completed through delivery, points, checkpoint and commit", async () => {
  const site = await openSite(redis);
  const { state, leader, worker } = site;
  const sweep = sweepRecord({ trials: 1, folds: 2 });
  expect(await state.submitSweep(sweep)).toBe("created");
  expect(await state.submitSweep(sweep)).toBe("exists");
  expect(await leader.createTrials(sweep.id, 0, [{ parameters: { "train.optimizer.learningRate": 0.1 + 0.2 }, retryOf: null }])).toBe(
    "created",
  );
  expect(await state.sweep(sweep.id)).toMatchObject({ state: "running", trialsCreated: 1, runsInFlight: 0 });

  const replies: unknown[] = [];
  const delivery = await worker.consume(async (run, attempt) => {
    const claim = await worker.claim(run, attempt);
    if (claim.reply !== "claimed") throw new Error(claim.reply);
    expect(claim.sweep).toEqual(sweep);
    expect(claim.parameters).toEqual({ "train.optimizer.learningRate": 0.1 + 0.2 });
    expect(claim.run).toMatchObject({ id: run, attempt: 1, state: "running", worker: "worker-1" });
    replies.push(await worker.reportPoints(run, attempt, { epoch: 1, values: { loss: 0.5 } }));
    replies.push(await worker.recordCheckpoint(run, checkpointOf(run, attempt, 1)));
    replies.push(await worker.recordCheckpoint(run, checkpointOf(run, attempt, 2)));
    await worker.appendLog(run, ["hello"]);
    replies.push(await worker.beginCommit(run, attempt));
    replies.push(await worker.finish(resultOf(run, attempt)));
  });
  const runs = await leader.backlog(sweep.id, 10);
  expect(runs).toEqual([`${sweep.id}-0-0`, `${sweep.id}-0-1`]);
  expect(await leader.dispatch(runs.map((run) => ({ run, pool: "default" })))).toEqual(["dispatched", "dispatched"]);
  await until(async () => (await state.sweep(sweep.id))?.runsFinal === 2, { what: "both folds" });
  await delivery.close();
  expect(replies.filter((reply) => typeof reply === "string").toSorted()).toEqual(["finished", "finished", "ok", "ok", "ok", "ok"]);
  expect(replies).toContainEqual({ reply: "ok", replaces: checkpointOf(runs[0]!, 1, 1) });

  expect(await leader.settlingTrials(10)).toEqual([{ sweep: sweep.id, trial: 0 }]);
  expect(await leader.settleTrial(sweep.id, 0, { state: "completed", reason: null, value: 0.3, best: true })).toBe("settled");
  expect(await leader.settleSweep(sweep.id, "completed", null)).toBe("settled");

  expect(await state.sweep(sweep.id)).toMatchObject({
    state: "completed",
    trialsCompleted: 1,
    runsInFlight: 0,
    runsRunning: 0,
    runsFinal: 2,
    bestTrial: 0,
    bestValue: 0.3,
  });
  expect(await state.trial(sweep.id, 0)).toMatchObject({ state: "completed", runsCompleted: 2 });
  expect(await state.run(runs[1]!)).toMatchObject({ state: "completed", metrics: { dice: 0.1 + 0.2 }, pointsEpoch: 1 });
  expect(await state.activeSweeps()).toEqual([]);
  expect(await state.openTrials(sweep.id)).toEqual([]);
  expect(await state.logTail(runs[0]!)).toEqual(["hello"]);
  const types = (await allOutcomes(state)).map(({ type }) => type).toSorted();
  expect(types).toEqual(
    [
      "sweepSubmitted",
      "trialCreated",
      "sweepState",
      "runStarted",
      "runStarted",
      "runFinished",
      "runFinished",
      "trialSettled",
      "sweepState",
    ].toSorted(),
  );
  expect((await state.readStreams({ outcomes: "0-0", points: "0-0" }, { count: 100, blockMs: 0 })).points).toHaveLength(2);
  expect(site.errors).toEqual([]);
});

test("a crashed attempt parks its run, and the next attempt goes on from the checkpoint", async () => {
  const site = await openSite(redis);
  const { state, leader, worker } = site;
  const sweep = sweepRecord();
  await state.submitSweep(sweep);
  const [run] = (await createAndDispatch(site, sweep, 1)) as [string];
  await worker.claim(run, 1);
  await worker.recordCheckpoint(run, checkpointOf(run, 1, 3));
  expect(await worker.endAttempt(run, failureOf(1, "crashed"))).toBe("ok");
  expect(await leader.parkedRuns(10)).toMatchObject([
    { id: run, state: "queued", parked: failureOf(1, "crashed"), failures: [failureOf(1, "crashed")] },
  ]);
  expect(await state.sweep(sweep.id)).toMatchObject({ runsInFlight: 0, runsRunning: 0 });

  expect(await leader.requeue(run)).toBe("ok");
  expect(await leader.requeue(run)).toBe("wrong-state");
  expect(await leader.dispatch([{ run, pool: "default" }])).toEqual(["dispatched"]);
  const claim = await worker.claim(run, 2);
  expect(claim).toMatchObject({
    reply: "claimed",
    run: { attempt: 2, parked: null, checkpoint: checkpointOf(run, 1, 3), failures: [failureOf(1, "crashed")] },
  });
  expect(await allOutcomes(state)).toContainEqual({
    type: "attemptEnded",
    sweep: sweep.id,
    trial: 0,
    fold: 0,
    failure: failureOf(1, "crashed"),
  });
});
