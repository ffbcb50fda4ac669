import { describe, expect, it } from "vitest";
import { parseSweepFile } from "@saphena/contracts";
import type { AttemptFailure, LiveSweep, RunResult, State, SweepFile } from "@saphena/contracts";
import { chooseDispatch, mayDispatch, poolRoom, poolTarget } from "./dispatch-choice.ts";
import type { SweepDemand } from "./dispatch-choice.ts";
import { planTrials } from "./next-trials.ts";
import { decideParked } from "./parked-decision.ts";
import { decideSweep, nextSuggestion } from "./sweep-decision.ts";
import { decideTrial } from "./trial-decision.ts";

function liveSweep(changes: Partial<LiveSweep> = {}, file: Partial<SweepFile> = {}): LiveSweep {
  const spec = parseSweepFile({
    name: "s",
    dataset: "d",
    budget: { trials: 10 },
    cv: { folds: 2 },
    resources: { concurrency: 4 },
    ...file,
  });
  const hash = "0".repeat(64);
  return {
    record: {
      schemaVersion: 1,
      id: "swp_aaaaaaaaaaaa",
      spec,
      dataset: { name: "d", hash, labels: ["a", "b"], maskClasses: 2 },
      heads: "both",
      splitsHash: hash,
      folds: spec.cv.folds,
      submittedAtMs: 0,
    },
    state: "running",
    stopping: null,
    reason: null,
    sequence: 1,
    trialBudget: spec.budget.trials,
    retries: [],
    trialsCreated: 0,
    trialsCompleted: 0,
    trialsPruned: 0,
    trialsFailed: 0,
    trialsCancelled: 0,
    trialsRetried: 0,
    failuresForgiven: 0,
    runsInFlight: 0,
    runsRunning: 0,
    runsFinal: 0,
    slotSeconds: 0,
    runningMs: 0,
    runningSinceMs: 0,
    submittedAtMs: 0,
    startedAtMs: 0,
    finishedAtMs: null,
    bestTrial: null,
    bestValue: null,
    logSegments: 0,
    ...changes,
  };
}

describe("a sweep", () => {
  it("makes enough trials for twice its concurrency, then waits", () => {
    expect(decideSweep(liveSweep(), null, 0)).toEqual({ kind: "create", trials: 4 });
    expect(decideSweep(liveSweep({ trialsCreated: 4 }), null, 0)).toEqual({ kind: "wait" });
    expect(decideSweep(liveSweep({ trialsCreated: 4, runsFinal: 1 }), null, 0)).toEqual({ kind: "create", trials: 1 });
  });

  it("makes a great many trials in portions", () => {
    expect(decideSweep(liveSweep({}, { budget: { trials: 5000 }, resources: { concurrency: 2000 } }), null, 0)).toEqual({
      kind: "create",
      trials: 250,
    });
  });

  it("makes no more trials than its budget and completes when they are final", () => {
    expect(decideSweep(liveSweep({ trialsCreated: 9, runsFinal: 18, trialsCompleted: 9 }), null, 0)).toEqual({ kind: "create", trials: 1 });
    expect(decideSweep(liveSweep({ trialsCreated: 10, runsFinal: 19, trialsCompleted: 9 }), null, 0)).toEqual({ kind: "wait" });
    const ended = { trialsCreated: 10, runsFinal: 20 };
    expect(decideSweep(liveSweep({ ...ended, trialsCompleted: 8, trialsFailed: 2 }), null, 0)).toEqual({
      kind: "settle",
      state: "completed",
      reason: null,
      rule: "budget",
    });
    expect(decideSweep(liveSweep({ ...ended, trialsFailed: 9, trialsCancelled: 1 }), null, 0)).toMatchObject({
      state: "completed",
      reason: "no trial completed: 9 failed, 1 cancelled",
    });
  });

  it("completes when a grid below its budget is exhausted", () => {
    expect(decideSweep(liveSweep(), 3, 0)).toEqual({ kind: "create", trials: 3 });
    expect(decideSweep(liveSweep({ trialsCreated: 3 }), 3, 0)).toEqual({ kind: "wait" });
    expect(decideSweep(liveSweep({ trialsCreated: 3, trialsCompleted: 3, runsFinal: 6 }), 3, 0)).toMatchObject({
      kind: "settle",
      state: "completed",
      rule: "exhausted",
    });
  });

  it("winds down when more trials failed than maxFailures, forgiven ones aside", () => {
    const file: Partial<SweepFile> = { budget: { trials: 10, maxFailures: 1 } };
    expect(decideSweep(liveSweep({ trialsCreated: 3, trialsFailed: 1 }, file), null, 0).kind).toBe("create");
    expect(decideSweep(liveSweep({ trialsCreated: 3, trialsFailed: 2 }, file), null, 0)).toMatchObject({
      kind: "stop",
      reason: "2 trials failed, more than budget.maxFailures 1",
    });
    expect(decideSweep(liveSweep({ trialsCreated: 3, trialsFailed: 2, failuresForgiven: 1 }, file), null, 0).kind).toBe("create");
  });

  it("is settled as what it was stopped for once its last trial is final", () => {
    const stopping = { stopping: "cancelled", reason: "asked", trialsCreated: 3, trialsCompleted: 1 } as const;
    expect(decideSweep(liveSweep(stopping), null, 0)).toEqual({ kind: "wait" });
    expect(decideSweep(liveSweep({ ...stopping, trialsCancelled: 2 }), null, 0)).toEqual({
      kind: "settle",
      state: "cancelled",
      reason: "asked",
      rule: "cancelled",
    });
    expect(decideSweep(liveSweep({ ...stopping, stopping: "failed", trialsCancelled: 2 }), null, 0)).toMatchObject({
      state: "failed",
      rule: "maxFailures",
    });
  });

  it("is left alone while paused and after its end", () => {
    for (const state of ["paused", "completed", "failed", "cancelled"] satisfies State[])
      expect(decideSweep(liveSweep({ state }), null, 0)).toEqual({ kind: "wait" });
  });

  it("makes no trial after its wall clock or slot hours, and none in reserve before", () => {
    const wallClock: Partial<SweepFile> = { budget: { trials: 10, wallClock: "1h" } };
    expect(decideSweep(liveSweep({}, wallClock), null, 3_599_999)).toEqual({ kind: "create", trials: 2 });
    expect(decideSweep(liveSweep({ trialsCreated: 2 }, wallClock), null, 3_600_000)).toEqual({
      kind: "stopUnstarted",
      reason: "budget.wallClock was used before the trial started",
      rule: "wallClock",
    });
    expect(decideSweep(liveSweep({ trialsCreated: 2, trialsCompleted: 2, runsFinal: 4 }, wallClock), null, 3_600_000)).toMatchObject({
      kind: "settle",
      state: "completed",
      rule: "wallClock",
    });
    // Only time in state running counts: not the days before a reopening.
    expect(decideSweep(liveSweep({ runningSinceMs: null }, wallClock), null, 9_999_999).kind).toBe("create");
    const reopened = liveSweep(
      { runningMs: 1_200_000, runningSinceMs: 90_000_000, trialsCreated: 2, trialsCompleted: 2, runsFinal: 4 },
      wallClock,
    );
    expect(decideSweep(reopened, null, 92_399_999).kind).toBe("create");
    expect(decideSweep(reopened, null, 92_400_000)).toMatchObject({
      rule: "wallClock",
      reason: "budget.wallClock was used after 2 trials",
    });
    const gpuHours: Partial<SweepFile> = { budget: { trials: 10, gpuHours: 0.5 } };
    expect(decideSweep(liveSweep({ slotSeconds: 1799 }, gpuHours), null, 0).kind).toBe("create");
    expect(
      decideSweep(liveSweep({ slotSeconds: 1800, trialsCreated: 1, trialsCompleted: 1, runsFinal: 2 }, gpuHours), null, 0),
    ).toMatchObject({ rule: "gpuHours" });
  });
});

describe("the next trials", () => {
  const grid: Partial<SweepFile> = { sampler: { type: "grid" }, parameters: { "model.depth": { type: "int", min: 2, max: 4 } } };
  const depths = (sweep: LiveSweep, count: number) =>
    planTrials(sweep, count, []).map((trial) => [trial.parameters["model.depth"], trial.retryOf]);

  it("are retries first, which take no suggestion from the sampler", () => {
    const asked = liveSweep(
      { trialsCreated: 1, trialsFailed: 1, trialsRetried: 1, retries: [{ retryOf: 0, parameters: { "model.depth": 2 } }] },
      grid,
    );
    expect(nextSuggestion(asked)).toBe(1);
    expect(depths(asked, 5)).toEqual([
      [2, 0],
      [3, null],
      [4, null],
    ]);
    const made = liveSweep({ trialsCreated: 2, trialsFailed: 1, trialsRetried: 1 }, grid);
    expect(depths(made, 1)).toEqual([[3, null]]);
  });
});

describe("a trial", () => {
  const dice = { metric: "dice", goal: "maximize" } as const;
  const trial = { state: "running", stopping: null, reason: null, folds: 2 } as const;
  const run = (fold: number, state: State, value: number | null = null, reason: string | null = null) => ({
    fold,
    state,
    metrics: { dice: value },
    reason,
  });

  it("is completed with the mean over its folds once all are", () => {
    expect(decideTrial(trial, [run(0, "completed", 0.5), run(1, "running")], dice)).toEqual({ kind: "wait" });
    expect(decideTrial(trial, [run(1, "completed", 1), run(0, "completed", 0.5)], dice)).toEqual({
      kind: "settle",
      state: "completed",
      reason: null,
      value: 0.75,
      rule: "folds",
    });
  });

  it("stops its other folds when one fails for good, once", () => {
    const runs = [run(0, "failed", null, "the loss is not finite"), run(1, "running")];
    expect(decideTrial(trial, runs, dice)).toEqual({ kind: "stop", why: "failed", reason: "fold 0: the loss is not finite" });
    expect(decideTrial({ ...trial, stopping: "failed" }, runs, dice)).toEqual({ kind: "wait" });
  });

  it("has failed when one fold has and the others are cancelled", () => {
    expect(decideTrial({ ...trial, stopping: "failed" }, [run(0, "failed", null, "crashed"), run(1, "cancelled")], dice)).toEqual({
      kind: "settle",
      state: "failed",
      reason: "fold 0: crashed",
      value: null,
      rule: "folds",
    });
  });

  it("is cancelled, or pruned, when a fold is and none failed", () => {
    expect(
      decideTrial({ ...trial, stopping: "cancelled", reason: "asked" }, [run(0, "completed", 1), run(1, "cancelled")], dice),
    ).toMatchObject({ state: "cancelled", reason: "asked", value: null });
    expect(decideTrial({ ...trial, stopping: "pruned" }, [run(0, "completed", 1), run(1, "pruned")], dice)).toMatchObject({
      state: "pruned",
      value: 1,
    });
  });

  it("completes although it was to be cancelled when every fold got through", () => {
    expect(decideTrial({ ...trial, stopping: "cancelled" }, [run(0, "completed", 1), run(1, "completed", 0)], dice)).toMatchObject({
      state: "completed",
      value: 0.5,
    });
  });

  it("is left alone once it is final", () => {
    expect(decideTrial({ ...trial, state: "failed" }, [run(0, "failed"), run(1, "queued")], dice)).toEqual({ kind: "wait" });
  });
});

describe("a parked run", () => {
  const ended = (attempt: number, reason: AttemptFailure["reason"], message = "m"): AttemptFailure => ({
    attempt,
    reason,
    code: "RUN_LOST",
    message,
    worker: null,
  });
  const decide = (
    parked: AttemptFailure | null,
    changes: {
      failures?: AttemptFailure[];
      stopping?: LiveSweep["stopping"];
      trialStopping?: "failed" | "cancelled" | "pruned";
      result?: RunResult;
      state?: State;
    } = {},
  ) =>
    decideParked({
      run: { state: changes.state ?? "queued", parked, failures: changes.failures ?? [] },
      sweep: liveSweep({ stopping: changes.stopping ?? null }),
      trial: { stopping: changes.trialStopping ?? null, reason: null },
      result: changes.result ?? null,
    });

  it("takes the result that is in the store before anything else", () => {
    const result = { run: "r", state: "completed" } as RunResult;
    expect(decide(ended(1, "lost"), { result, stopping: "cancelled" })).toEqual({ kind: "adopt", result });
  });

  it("is tried again up to retry.max counted failures, then fails with the count", () => {
    const failures = [ended(1, "lost"), ended(3, "crashed")];
    expect(decide(ended(1, "lost"))).toEqual({ kind: "requeue" });
    expect(decide(ended(3, "crashed"), { failures })).toEqual({ kind: "requeue" });
    expect(decide(ended(4, "lost"), { failures })).toEqual({ kind: "end", state: "failed", reason: "m (failed 3 times, retry.max is 2)" });
    expect(decide(ended(4, "lost"), { failures: [...failures, ended(4, "lost")] }).kind).toBe("end");
  });

  it("does not count releases and pauses", () => {
    const failures = Array.from({ length: 9 }, (_, i) => ended(i + 1, "released"));
    expect(decide(ended(10, "released"), { failures })).toEqual({ kind: "requeue" });
    expect(decide(ended(10, "paused"), { failures })).toEqual({ kind: "requeue" });
    expect(decide(ended(10, "lost"), { failures })).toEqual({ kind: "requeue" });
  });

  it("is never tried again after a user's error, and once after memory ran out", () => {
    expect(decide(ended(1, "userError", "the loss is not finite"))).toEqual({
      kind: "end",
      state: "failed",
      reason: "the loss is not finite",
    });
    expect(decide(ended(1, "outOfMemory"))).toEqual({ kind: "requeue" });
    expect(decide(ended(2, "outOfMemory"), { failures: [ended(1, "outOfMemory")] })).toMatchObject({ kind: "end", state: "failed" });
  });

  it("is cancelled with its sweep or trial, and pruned with its trial", () => {
    expect(decide(ended(1, "cancelled"), { stopping: "cancelled" })).toMatchObject({
      kind: "end",
      state: "cancelled",
      reason: "the sweep was cancelled",
    });
    expect(decide(ended(1, "lost"), { trialStopping: "failed" })).toMatchObject({
      kind: "end",
      state: "cancelled",
      reason: "another fold failed",
    });
    expect(decide(ended(1, "cancelled"), { trialStopping: "pruned" })).toMatchObject({ kind: "end", state: "pruned" });
  });

  it("is left alone when it is not parked or final", () => {
    expect(decide(null)).toEqual({ kind: "none" });
    expect(decide(ended(1, "lost"), { state: "completed" })).toEqual({ kind: "none" });
  });
});

describe("dispatch", () => {
  const demand = (sweep: string, changes: Partial<SweepDemand> = {}): SweepDemand => ({
    sweep,
    pool: "default",
    priority: 0,
    sequence: sweep.charCodeAt(0),
    inFlight: 0,
    concurrency: 100,
    backlog: [0, 1, 2, 3].map((n) => `${sweep}${n}`),
    ...changes,
  });
  const runs = (room: number, ...demands: SweepDemand[]) => chooseDispatch(new Map([["default", room]]), demands).map((order) => order.run);

  it("serves the higher priority first", () => {
    expect(runs(5, demand("a"), demand("b", { priority: 1 }))).toEqual(["b0", "b1", "b2", "b3", "a0"]);
  });

  it("then shares evenly by runs in flight, the earlier submit first", () => {
    expect(runs(4, demand("b"), demand("a"))).toEqual(["a0", "b0", "a1", "b1"]);
    expect(runs(3, demand("a", { inFlight: 2 }), demand("b"))).toEqual(["b0", "b1", "a0"]);
  });

  it("keeps to each sweep's concurrency and each pool's room", () => {
    expect(runs(9, demand("a", { concurrency: 3, inFlight: 1 }))).toEqual(["a0", "a1"]);
    expect(runs(9, demand("a", { pool: "gpu" }))).toEqual([]);
    expect(runs(0, demand("a"))).toEqual([]);
  });

  it("goes only to sweeps that run", () => {
    expect(mayDispatch({ state: "running", stopping: null })).toBe(true);
    expect(mayDispatch({ state: "paused", stopping: null })).toBe(false);
    expect(mayDispatch({ state: "running", stopping: "cancelled" })).toBe(false);
  });

  it("keeps a small window of runs at the workers, larger where runs are short, none without a worker", () => {
    expect(poolTarget(0, 100)).toBe(0);
    expect(poolTarget(1, 0)).toBe(2);
    expect(poolTarget(8, 0)).toBe(10);
    expect(poolTarget(8, 100)).toBe(33);
    expect(poolTarget(8, 100_000)).toBe(56);
    expect(poolRoom({ slots: 8, inFlight: 9 }, 0)).toBe(1);
    expect(poolRoom({ slots: 1, inFlight: 9 }, 0)).toBe(0);
  });
});
