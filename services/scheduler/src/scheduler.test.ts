// The scheduler on a real Redis and a real folder, with workers that obey a script.
import { afterEach, describe, expect, it } from "vitest";
import { API, parseSweepFile, runResultSchema, sweepKeys } from "@saphena/contracts";
import type { Decision, LiveRun, Parameters, RunResult, SweepStatus } from "@saphena/contracts";
import { planTrials } from "@saphena/sweep";
import { until } from "@saphena/testing";
import { checkLeaks, useRedis } from "@saphena/testing/vitest";
import { DecisionLog } from "./decision-log.ts";
import { newId, startUnderTest } from "./scheduler.case.ts";
import type { UnderTest } from "./scheduler.case.ts";

checkLeaks();
const redis = useRedis();
let system: UnderTest | undefined;
afterEach(async () => {
  await system?.close();
  system = undefined;
});

const RATE = "train.optimizer.learningRate";
const space = { [RATE]: { type: "float", min: 1e-4, max: 1e-1, log: true } } as const;
/** Depends on the configuration and the fold alone, as training does. */
const scoreOf = (run: Pick<LiveRun, "fold">, parameters: Parameters): number =>
  Math.round((parameters[RATE] as number) * 1e6) / 1e6 + run.fold / 1000;

async function start(test: string): Promise<UnderTest> {
  system = await startUnderTest(redis().url, test);
  await system.publishDataset("d");
  return system;
}

async function decisionsOf(under: UnderTest, sweep: string): Promise<Decision[]> {
  return (await new DecisionLog(under.store).readAfter(sweep, 0)).decisions;
}

async function resultsOf(under: UnderTest, sweep: string): Promise<RunResult[]> {
  const results: RunResult[] = [];
  for await (const { key } of under.store.list(sweepKeys.trials(sweep))) {
    if (key.endsWith("result.json")) results.push(runResultSchema.parse(JSON.parse(Buffer.from(await under.store.get(key)).toString())));
  }
  return results;
}

describe("a sweep", () => {
  it("runs every fold of every trial once, finds the best, and logs each decision before it", async () => {
    const under = await start("whole sweep");
    const worker = await under.startWorker((run, parameters) => ({ dice: scoreOf(run, parameters) }));
    const { id, created } = await under.submit({ budget: { trials: 12 }, parameters: space });
    expect(created).toBe(true);
    const status = await under.finalStatus(id);
    expect(status).toMatchObject({
      state: "completed",
      reason: null,
      trials: { budget: 12, created: 12, completed: 12 },
      runs: { total: 24, final: 24, running: 0, queued: 0 },
      etaSeconds: 0,
    });
    expect(worker.attempts).toHaveLength(24);
    const results = await resultsOf(under, id);
    expect(results).toHaveLength(24);

    const { decisions, trials } = byType(await decisionsOf(under, id));
    expect(trials.map(({ trial }) => trial)).toEqual(Array.from({ length: 12 }, (_, n) => n));
    const spec = parseSweepFile({ name: "t", dataset: "d", budget: { trials: 12 }, parameters: space });
    const sweep = (await under.state.sweep(id))!;
    expect(sweep.record.spec.parameters).toEqual(spec.parameters);
    const suggested = planTrials({ ...sweep, trialsCreated: 0 }, 12, []).map(({ parameters }) => parameters);
    expect(trials.map(({ parameters }) => parameters)).toEqual(suggested);
    expect(decisions.at(-1)).toMatchObject({ type: "sweepSettled", state: "completed", rule: "budget" });
    const settled = decisions.filter((decision) => decision.type === "trialSettled");
    expect(settled).toHaveLength(12);
    const best = settled.toSorted((a, b) => b.value! - a.value!)[0]!;
    expect(status.best).toEqual({ trial: best.trial, value: best.value });
    expect(best.value).toBeCloseTo(Math.max(...suggested.map((parameters) => scoreOf({ fold: 0 }, parameters))) + 0.0005, 9);
  });

  it("ends when its grid is exhausted", async () => {
    const under = await start("grid");
    await under.startWorker(() => ({ dice: 0.5 }));
    const reply = await under.submit({
      budget: { trials: 9 },
      sampler: { type: "grid" },
      parameters: { "train.epochs": { type: "int", min: 1, max: 3 } },
    });
    expect(reply.warnings).toEqual(["the grid has 3 combinations, fewer than budget.trials 9"]);
    expect(await under.finalStatus(reply.id)).toMatchObject({
      state: "completed",
      reason: "the whole grid was tried after 3 trials",
      trials: { created: 3, completed: 3 },
      best: { trial: 0, value: 0.5 },
    });
  });

  it("is one sweep however often it is submitted, and refuses another file under its id", async () => {
    const under = await start("resubmit");
    const id = newId();
    const replies = await Promise.all([1, 2, 3].map(() => under.submit({ parameters: space }, id)));
    expect(replies.filter(({ created }) => created)).toHaveLength(1);
    const other = await under.call("POST", `${API}/sweeps`, {
      id,
      spec: { name: "other", dataset: "d", budget: { trials: 2 }, cv: { folds: 2 } },
    });
    expect(other).toMatchObject({ status: 409, body: { error: { code: "SWEEP_ID_TAKEN" } } });
  });

  it("keeps the dataset it was submitted with when the first try broke off before Redis heard of it", async () => {
    const under = await start("half-submitted");
    const first = await under.submit({ parameters: space });
    const record = (await under.state.sweep(first.id))!.record;
    const id = newId();
    await under.store.create(sweepKeys.record(id), JSON.stringify({ ...record, id }));
    await under.publishDataset("d", { labels: ["a", "b", "c"] });
    expect(await under.submit({ parameters: space }, id)).toMatchObject({ created: true });
    expect((await under.state.sweep(id))!.record).toEqual({ ...record, id });
  });
});

describe("failures", () => {
  it("of a user's making end the trial at once, cancel its other folds, and can be retried", async () => {
    const under = await start("user error");
    let broken = true;
    const worker = await under.startWorker((run, parameters) => {
      if (broken && run.trial === 1) return run.fold === 0 ? { fails: "userError" } : "wait";
      return { dice: scoreOf(run, parameters) };
    });
    const { id } = await under.submit({ budget: { trials: 3 }, cv: { folds: 3 }, parameters: space });
    expect(await under.finalStatus(id)).toMatchObject({ state: "completed", trials: { completed: 2, failed: 1 } });
    const failed = (await resultsOf(under, id)).filter(({ trial }) => trial === 1);
    expect(failed.map(({ state }) => state).toSorted()).toEqual(["cancelled", "cancelled", "failed"]);
    const first = failed.find(({ state }) => state === "failed")!;
    expect(first).toMatchObject({ reason: "scripted userError", attempt: 1, files: [{ name: "log-tail.jsonl", role: "log" }] });
    const log = await under.call("GET", `${API}/runs/${first.run}/log`);
    expect(log.body).toEqual({ lines: [`the last words of ${first.run}`] });
    expect(worker.attempts.filter(({ run }) => run === first.run)).toHaveLength(1);

    broken = false;
    const reopened = await under.call("POST", `${API}/sweeps/${id}/actions`, { action: "retryFailed" });
    expect(reopened).toMatchObject({ status: 200, body: { trials: { budget: 4 } } });
    expect(
      await until(async () => ((await under.status(id)).trials.completed === 3 ? under.finalStatus(id) : null), { what: "the retry" }),
    ).toMatchObject({ state: "completed" });
    expect((await under.state.trial(id, 3))!).toMatchObject({
      retryOf: 1,
      state: "completed",
      parameters: (await under.state.trial(id, 1))!.parameters,
    });
    const again = await under.call("POST", `${API}/sweeps/${id}/actions`, { action: "retryFailed" });
    expect(again).toMatchObject({ status: 409, body: { error: { code: "SWEEP_STATE" } } });
  });

  it("of a worker cost nothing but time: lost runs are run again, a result that was committed is adopted", async () => {
    const under = await start("lost");
    const worker = await under.startWorker((run, parameters) => {
      if (run.attempt > 1) return { dice: scoreOf(run, parameters) };
      return run.trial === 0 ? "vanish" : run.trial === 1 ? "vanishAfterCommit" : { dice: scoreOf(run, parameters) };
    });
    const { id } = await under.submit({ budget: { trials: 3 }, parameters: space });
    expect(await under.finalStatus(id)).toMatchObject({ state: "completed", trials: { completed: 3 } });
    const attempts = (trial: number): number[] =>
      worker.attempts.filter(({ run }) => run.startsWith(`${id}-${trial}-`)).map(({ attempt }) => attempt);
    expect(attempts(0).toSorted((a, b) => a - b)).toEqual([1, 1, 2, 2]);
    expect(attempts(1)).toEqual([1, 1]);
    expect((await under.state.run(`${id}-0-0`))!.failures).toMatchObject([{ attempt: 1, reason: "lost" }]);
    expect((await resultsOf(under, id)).filter(({ trial }) => trial === 1).map(({ metrics }) => metrics["dice"])).toEqual([0.5, 0.5]);
  });

  it("beyond retry.max fail the run, and beyond maxFailures the sweep", async () => {
    const under = await start("max failures");
    await under.startWorker(() => ({ fails: "crashed" }));
    const { id } = await under.submit({
      budget: { trials: 50, maxFailures: 2 },
      retry: { max: 1 },
      resources: { concurrency: 2 },
      parameters: space,
    });
    const status = await under.finalStatus(id);
    expect(status.state).toBe("failed");
    expect(status.reason).toMatch(/more than budget.maxFailures 2/);
    expect(status.trials.created).toBeLessThan(20);
    expect(status.trials.failed + status.trials.cancelled).toBe(status.trials.created);
    const failed = (await resultsOf(under, id)).filter(({ state }) => state === "failed");
    expect(failed.every(({ attempt, reason }) => attempt === 2 && reason === "scripted crashed (failed 2 times, retry.max is 1)")).toBe(
      true,
    );
  });
});

describe("a user", () => {
  it("cancels a sweep: running, waiting and unstarted runs all end, each with its result", async () => {
    const under = await start("cancel");
    const worker = await under.startWorker(() => "wait", { slots: 2 });
    const { id } = await under.submit({ budget: { trials: 30 }, parameters: space });
    await until(() => worker.attempts.length === 2, { what: "two running runs" });
    expect(await under.call("POST", `${API}/sweeps/${id}/actions`, { action: "cancel" })).toMatchObject({
      status: 200,
      body: { stopping: "cancelled" },
    });
    const status = await under.finalStatus(id);
    expect(status).toMatchObject({ state: "cancelled", stopping: null, runs: { running: 0 } });
    expect(status.trials.cancelled).toBe(status.trials.created);
    const results = await resultsOf(under, id);
    expect(results).toHaveLength(status.trials.created * 2);
    expect(results.every(({ state }) => state === "cancelled")).toBe(true);
    expect((await under.call("POST", `${API}/sweeps/${id}/actions`, { action: "cancel" })).status).toBe(200);
    expect(await under.call("POST", `${API}/sweeps/${id}/actions`, { action: "resume", addTrials: 1 })).toMatchObject({
      status: 409,
      body: { error: { code: "SWEEP_STATE" } },
    });
    expect((await decisionsOf(under, id)).some((decision) => decision.type === "sweepEdited" && decision.action === "cancel")).toBe(true);
  });

  it("pauses and resumes, and adds trials to what is complete", async () => {
    const under = await start("pause");
    const { id } = await under.submit({ budget: { trials: 2 }, parameters: space });
    const act = async (body: object): Promise<SweepStatus> =>
      (await under.call("POST", `${API}/sweeps/${id}/actions`, body)).body as SweepStatus;
    await until(async () => (await under.status(id)).trials.created === 2, { what: "the trials" });
    expect((await act({ action: "pause" })).state).toBe("paused");
    const worker = await under.startWorker((run, parameters) => ({ dice: scoreOf(run, parameters) }));
    const { id: other } = await under.submit({ name: "other", budget: { trials: 1 }, parameters: space });
    await under.finalStatus(other);
    expect(worker.attempts.filter(({ run }) => run.startsWith(id))).toEqual([]);
    expect((await act({ action: "resume" })).state).toBe("running");
    expect(await under.finalStatus(id)).toMatchObject({ state: "completed", trials: { completed: 2 } });
    expect(await act({ action: "resume", addTrials: 3 })).toMatchObject({ state: "running", trials: { budget: 5 } });
    await until(async () => (await under.status(id)).trials.completed === 5, { what: "five trials" });
    expect(await under.finalStatus(id)).toMatchObject({ state: "completed" });
  });
});

describe("leadership", () => {
  it("goes to another scheduler, which continues the log where it ended", async () => {
    const under = await start("take-over");
    await under.another();
    await under.startWorker((run, parameters) => ({ dice: scoreOf(run, parameters) }), { slots: 1 });
    const { id } = await under.submit({ budget: { trials: 60 }, parameters: space, resources: { concurrency: 2 } });
    await until(async () => ((await under.state.sweep(id))?.trialsCompleted ?? 0) >= 5, { what: "some trials" });
    await under.scheduler.close();
    const done = await until(
      async () => {
        const sweep = await under.state.sweep(id);
        return sweep?.state === "completed" ? sweep : null;
      },
      { what: "the end under the other scheduler", timeoutMs: 30_000 },
    );
    expect(done).toMatchObject({ trialsCreated: 60, trialsCompleted: 60, runsFinal: 120 });
    const { trials, decisions } = byType(await decisionsOf(under, id));
    expect(trials.map(({ trial }) => trial)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(decisions.filter(({ type }) => type === "trialSettled")).toHaveLength(60);
  });

  it("makes the trials that the log tells of and Redis never saw, as they were logged", async () => {
    const under = await start("logged only");
    const { id } = await under.submit({ budget: { trials: 3 }, parameters: space, resources: { concurrency: 1 } });
    await until(async () => (await under.state.sweep(id))?.trialsCreated === 1, { what: "the first trial" });
    await under.scheduler.close();
    const logged = { [RATE]: 0.012345 };
    const line: Decision = { type: "trialCreated", trial: 1, parameters: logged, rule: "random", retryOf: null, atMs: 1 };
    expect(await new DecisionLog(under.store).append(id, [line])).toBe(2);
    await under.another();
    const trial = await until(() => under.state.trial(id, 1), { what: "the logged trial" });
    expect(trial.parameters).toEqual(logged);
  });

  it("outlasts an outage of Redis", async () => {
    const under = await start("outage");
    await under.startWorker((run, parameters) => ({ dice: scoreOf(run, parameters) }), { slots: 1 });
    const { id } = await under.submit({ budget: { trials: 40 }, parameters: space, resources: { concurrency: 2 } });
    await until(async () => ((await under.state.sweep(id))?.trialsCompleted ?? 0) >= 3, { what: "some trials" });
    await redis().restart();
    expect(await until(() => under.finalStatus(id), { what: "the end", timeoutMs: 40_000 })).toMatchObject({
      state: "completed",
      trials: { completed: 40 },
      runs: { final: 80 },
    });
    expect(await resultsOf(under, id)).toHaveLength(80);
  });
});

function byType(decisions: Decision[]): { decisions: Decision[]; trials: Extract<Decision, { type: "trialCreated" }>[] } {
  return { decisions, trials: decisions.filter((decision) => decision.type === "trialCreated") };
}
