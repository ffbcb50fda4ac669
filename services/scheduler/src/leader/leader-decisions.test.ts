// The pure parts of the leader: what a pass plans, what recovery replays, how much room a pool has.
import { describe, expect, it } from "vitest";
import { parseSweepFile } from "@saphena/contracts";
import type { Decision, LiveRun, LiveSweep, LiveTrial, SweepFile } from "@saphena/contracts";
import { openStore } from "@saphena/object-store";
import { temporaryFolder } from "@saphena/testing";
import { DecisionLog } from "../decision-log.ts";
import { parseDatasetReference } from "../dataset-catalog.ts";
import { sweepStatus } from "../sweep-status.ts";
import { FinishRate, roomByPool } from "./dispatch.ts";
import { pendingCreations } from "./recovery.ts";
import { logLines, planSweep } from "./sweep-step.ts";

const HASH = "ab".repeat(32);

function liveSweep(changes: Partial<LiveSweep> = {}, file: Partial<SweepFile> = {}): LiveSweep {
  const spec = parseSweepFile({ name: "s", dataset: "d", budget: { trials: 10 }, cv: { folds: 2 }, ...file });
  return {
    record: {
      schemaVersion: 1,
      id: "swp_aaaaaaaaaaaa",
      spec,
      dataset: { name: "d", hash: HASH, labels: ["a", "b"], maskClasses: 2 },
      heads: "both",
      splitsHash: HASH,
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

function ended(number: number, dice: (number | null)[], state: LiveRun["state"] = "completed"): { trial: LiveTrial; runs: LiveRun[] } {
  const trial: LiveTrial = {
    sweep: "swp_aaaaaaaaaaaa",
    number,
    state: "running",
    parameters: {},
    folds: dice.length,
    stopping: null,
    reason: null,
    runsCompleted: 0,
    runsPruned: 0,
    runsFailed: 0,
    runsCancelled: 0,
    retryOf: null,
  };
  const runs = dice.map((value, fold): LiveRun => ({
    id: `swp_aaaaaaaaaaaa-${number}-${fold}`,
    sweep: trial.sweep,
    trial: number,
    fold,
    state,
    attempt: 1,
    pool: "default",
    worker: null,
    failures: [],
    parked: null,
    checkpoint: null,
    pointsEpoch: 0,
    metrics: { dice: value },
    reason: null,
    startedAtMs: 0,
    finishedAtMs: 0,
  }));
  return { trial, runs };
}

describe("the plan of one sweep", () => {
  it("settles what ended, names at most one best at a time, and counts it before it decides what is next", () => {
    const sweep = liveSweep({ trialsCreated: 10, trialsCompleted: 7, runsFinal: 20, bestTrial: 1, bestValue: 0.5 });
    const plan = planSweep(sweep, [ended(9, [0.7, 0.7]), ended(8, [0.6, 0.6]), ended(7, [0.4, 0.4])], 0);
    expect(plan.settlements.map(({ trial, value, best }) => [trial, value, best])).toEqual([
      [7, 0.4, false],
      [8, 0.6, true],
      [9, 0.7, true],
    ]);
    expect(plan.sweep).toMatchObject({ kind: "settle", state: "completed" });
    expect(logLines(sweep, plan, 5).map(({ type }) => type)).toEqual(["trialSettled", "trialSettled", "trialSettled", "sweepSettled"]);
  });

  it("stops the sweep by the very trial that is one failure too many", () => {
    const sweep = liveSweep({ trialsCreated: 4, runsFinal: 2 }, { budget: { trials: 10, maxFailures: 0 } });
    const plan = planSweep(sweep, [ended(0, [null, null], "failed")], 0);
    expect(plan.settlements).toMatchObject([{ trial: 0, state: "failed", value: null, best: false }]);
    expect(plan.sweep.kind).toBe("stop");
    expect(plan.created).toEqual([]);
  });

  it("gives new trials the numbers after those there are", () => {
    const sweep = liveSweep({ trialsCreated: 3, trialsCompleted: 3, runsFinal: 6 }, { resources: { concurrency: 2 } });
    const lines = logLines(sweep, planSweep(sweep, [], 0), 7);
    expect(lines).toMatchObject([
      { type: "trialCreated", trial: 3, rule: "random", retryOf: null, atMs: 7 },
      { type: "trialCreated", trial: 4, rule: "random", retryOf: null, atMs: 7 },
    ]);
  });
});

describe("recovery", () => {
  const created = (trial: number, mark: string): Decision => ({
    type: "trialCreated",
    trial,
    parameters: { mark },
    rule: "random",
    retryOf: null,
    atMs: 0,
  });

  it("makes the logged trials that Redis lacks, up to the first gap, the first line of a number holding", () => {
    const log = [created(2, "a"), created(3, "b"), created(3, "later"), created(5, "beyond a gap"), created(0, "made already")];
    expect(pendingCreations(log, 2).map(({ trial, parameters }) => [trial, parameters["mark"]])).toEqual([
      [2, "a"],
      [3, "b"],
    ]);
    expect(pendingCreations(log, 4)).toEqual([]);
  });
});

describe("the decision log", () => {
  const edit: Extract<Decision, { type: "sweepEdited" }> = { type: "sweepEdited", action: "pause", trials: null, atMs: 1 };
  const settled = (trial: number): Decision => ({
    type: "trialSettled",
    trial,
    state: "completed",
    reason: null,
    value: 1,
    rule: "folds",
    atMs: 1,
  });

  it("numbers segments without a gap whoever writes, and tells the one who was late", async () => {
    const store = await openStore(`file://${await temporaryFolder("log")}`);
    const [first, second] = [new DecisionLog(store), new DecisionLog(store)];
    expect(await first.append("swp_1", [settled(0)])).toBe(1);
    expect(await second.append("swp_1", [settled(1)])).toBe(2);
    expect(await first.append("swp_1", [settled(2)])).toBeNull();
    expect((await first.readAfter("swp_1", 1)).decisions).toEqual([settled(1)]);
    expect(await first.append("swp_1", [settled(2), settled(3)])).toBe(3);
    await second.appendEdit("swp_1", edit);
    expect(await new DecisionLog(store).readAfter("swp_1", 0)).toEqual({
      highest: 4,
      decisions: [settled(0), settled(1), settled(2), settled(3), edit],
    });
    await store.close();
  });

  it("keeps appends of one process in turn", async () => {
    const store = await openStore(`file://${await temporaryFolder("log")}`);
    const log = new DecisionLog(store);
    const numbers = await Promise.all(Array.from({ length: 20 }, (_, trial) => log.append("swp_1", [settled(trial)])));
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    await store.close();
  });
});

describe("room at the workers", () => {
  it("is what a pool's slots leave over after the runs in flight of all its sweeps", () => {
    const sweeps = [
      liveSweep({ runsInFlight: 3 }),
      liveSweep({ runsInFlight: 2 }),
      liveSweep({ runsInFlight: 9 }, { resources: { pool: "gpu" } }),
    ];
    expect([
      ...roomByPool(
        new Map([
          ["default", 8],
          ["gpu", 4],
          ["idle", 1],
        ]),
        sweeps,
        0,
      ),
    ]).toEqual([
      ["default", 5],
      ["gpu", 0],
      ["idle", 2],
    ]);
  });

  it("follows the rate at which runs end", () => {
    const rate = new FinishRate();
    expect(rate.observe([liveSweep({ runsFinal: 100 })], 0)).toBe(0);
    let last = 0;
    for (let second = 1; second <= 20; second++) last = rate.observe([liveSweep({ runsFinal: 100 + 40 * second })], 1000 * second);
    expect(last).toBeCloseTo(40, 0);
    for (let second = 21; second <= 40; second++) last = rate.observe([liveSweep({ runsFinal: 900 })], 1000 * second);
    expect(last).toBeCloseTo(0, 0);
  });
});

describe("the status of a sweep", () => {
  it("counts the trials to come and estimates from the rate so far", () => {
    const sweep = liveSweep({
      trialsCreated: 4,
      trialsCompleted: 2,
      runsFinal: 5,
      runsRunning: 2,
      startedAtMs: 1000,
      bestTrial: 1,
      bestValue: 0.25,
    });
    expect(sweepStatus(sweep, 11_000)).toMatchObject({
      dataset: "d@abababababab",
      runs: { total: 20, queued: 13, running: 2, final: 5 },
      etaSeconds: 30,
      best: { trial: 1, value: 0.25 },
    });
    expect(sweepStatus({ ...sweep, state: "paused" }, 11_000).etaSeconds).toBeNull();
    expect(sweepStatus(liveSweep({ runsFinal: 0 }), 11_000).etaSeconds).toBeNull();
    expect(sweepStatus({ ...sweep, stopping: "cancelled" }, 11_000).runs.total).toBe(8);
  });

  it("expects no more trials than the grid has, and the retries", () => {
    const grid: Partial<SweepFile> = { sampler: { type: "grid" }, parameters: { "model.depth": { type: "int", min: 2, max: 4 } } };
    expect(sweepStatus(liveSweep({}, grid), 0).runs.total).toBe(6);
    expect(sweepStatus(liveSweep({ trialsRetried: 1, trialBudget: 11 }, grid), 0).runs.total).toBe(8);
  });
});

describe("references and hosts", () => {
  it("name a dataset by its newest version, a version or a hash", () => {
    expect(parseDatasetReference("tones")).toEqual({ name: "tones", by: "newest" });
    expect(parseDatasetReference("tones@12")).toEqual({ name: "tones", by: "version", version: 12 });
    expect(parseDatasetReference("tones@0123abcd")).toEqual({ name: "tones", by: "hash", hash: "0123abcd" });
    expect(parseDatasetReference(`tones@${HASH}`)).toMatchObject({ by: "hash", hash: HASH });
    expect(() => parseDatasetReference("tones@newest")).toThrow(/after @ comes a version/);
    expect(() => parseDatasetReference("Tones/../x")).toThrow(/name is not valid/);
  });
});
