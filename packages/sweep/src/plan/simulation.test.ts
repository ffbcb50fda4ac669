// Whole sweeps through the decisions, with an in-memory model of the live state and a fake clock: a leader, workers, nothing else.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFinal, parseSweepFile, runId } from "@saphena/contracts";
import type { AttemptFailure, LiveRun, LiveSweep, Parameters, SweepFile } from "@saphena/contracts";
import { isBetter } from "../objective.ts";
import { suggestionCount } from "../samplers/suggest.ts";
import { chooseDispatch, mayDispatch, poolRoom } from "./dispatch-choice.ts";
import { planTrials } from "./next-trials.ts";
import { decideParked } from "./parked-decision.ts";
import { decideSweep, openTrialCount } from "./sweep-decision.ts";
import { decideTrial } from "./trial-decision.ts";

type Run = Pick<LiveRun, "id" | "trial" | "fold" | "state" | "attempt" | "failures" | "parked" | "metrics" | "reason">;
interface Trial {
  number: number;
  parameters: Parameters;
  state: "running" | "completed" | "pruned" | "failed" | "cancelled";
  stopping: "failed" | "cancelled" | null;
  reason: string | null;
  value: number | null;
  runs: Run[];
}
/** How an attempt ends. */
type Ending = { kind: "completed"; dice: number } | { kind: "ended"; reason: AttemptFailure["reason"] };
type Script = (run: Run, parameters: Parameters) => Ending;

const SLOTS = 8;
const RUN_MS = 1000;

class Simulation {
  readonly sweep: LiveSweep;
  readonly trials: Trial[] = [];
  readonly mostInFlight = { runs: 0 };
  nowMs = 0;
  attempts = 0;
  private readonly backlog = new Map<string, Run>();
  private readonly running: { run: Run; endsAtMs: number }[] = [];
  private readonly script: Script;

  constructor(file: SweepFile, script: Script) {
    const spec = parseSweepFile(file);
    const hash = "0".repeat(64);
    this.script = script;
    this.sweep = {
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
      state: "queued",
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
      runningSinceMs: null,
      submittedAtMs: 0,
      startedAtMs: null,
      finishedAtMs: null,
      bestTrial: null,
      bestValue: null,
      logSegments: 0,
    };
  }

  /** Passes of the leader until the sweep is final; between them the clock jumps to the next end of a run. */
  play(): this {
    for (let pass = 0; !isFinal(this.sweep.state); pass++) {
      if (pass > 100_000) throw new Error("the sweep never ends");
      this.stopTrials();
      this.advance();
      this.dispatch();
      this.endRuns();
    }
    return this;
  }

  private advance(): void {
    const { spec } = this.sweep.record;
    const decision = decideSweep(this.sweep, suggestionCount(spec.parameters, spec.sampler), this.nowMs);
    if (decision.kind === "create") for (const planned of planTrials(this.sweep, decision.trials, [])) this.createTrial(planned.parameters);
    if (decision.kind === "stopUnstarted")
      for (const trial of this.trials)
        if (trial.runs.every((run) => run.attempt === 0) && trial.stopping === null && !isFinal(trial.state))
          this.stopTrial(trial, "cancelled", decision.reason);
    if (decision.kind === "stop") Object.assign(this.sweep, { stopping: "failed", reason: decision.reason });
    if (decision.kind === "settle") Object.assign(this.sweep, { state: decision.state, reason: decision.reason });
  }

  private createTrial(parameters: Parameters): void {
    const number = this.sweep.trialsCreated++;
    const runs = Array.from({ length: this.sweep.record.folds }, (_, fold): Run => ({
      id: runId({ sweep: this.sweep.record.id, trial: number, fold }),
      trial: number,
      fold,
      state: "queued",
      attempt: 0,
      failures: [],
      parked: null,
      metrics: null,
      reason: null,
    }));
    this.trials.push({ number, parameters, state: "running", stopping: null, reason: null, value: null, runs });
    for (const run of runs) this.backlog.set(run.id, run);
    this.sweep.state = "running";
    this.sweep.startedAtMs ??= this.nowMs;
    this.sweep.runningSinceMs ??= this.nowMs;
  }

  private dispatch(): void {
    if (!mayDispatch(this.sweep)) return;
    const { pool, priority, concurrency } = this.sweep.record.spec.resources;
    const ordered = [...this.backlog.values()].sort((a, b) => a.trial - b.trial || a.fold - b.fold).map((run) => run.id);
    const room = new Map([[pool, poolRoom({ slots: SLOTS, inFlight: this.running.length }, 0)]]);
    const demand = {
      sweep: this.sweep.record.id,
      pool,
      priority,
      concurrency,
      sequence: 1,
      inFlight: this.sweep.runsInFlight,
      backlog: ordered,
    };
    for (const { run: id } of chooseDispatch(room, [demand])) {
      const run = this.backlog.get(id)!;
      this.backlog.delete(id);
      run.attempt += 1;
      run.state = "running";
      this.attempts += 1;
      this.sweep.runsInFlight += 1;
      this.running.push({ run, endsAtMs: this.nowMs + RUN_MS + run.fold });
    }
    this.mostInFlight.runs = Math.max(this.mostInFlight.runs, this.sweep.runsInFlight);
  }

  private endRuns(): void {
    const next = Math.min(...this.running.map((one) => one.endsAtMs));
    if (next === Infinity) return;
    this.nowMs = next;
    for (let i = this.running.length - 1; i >= 0; i--) {
      if (this.running[i]!.endsAtMs > next) continue;
      const { run } = this.running.splice(i, 1)[0]!;
      this.sweep.runsInFlight -= 1;
      this.sweep.slotSeconds += RUN_MS / 1000;
      const trial = this.trials[run.trial]!;
      const ending: Ending = trial.stopping === null ? this.script(run, trial.parameters) : { kind: "ended", reason: "cancelled" };
      if (ending.kind === "completed") this.finish(run, "completed", null, { dice: ending.dice });
      else this.park(run, ending.reason);
    }
  }

  private park(run: Run, reason: AttemptFailure["reason"]): void {
    run.state = "queued";
    run.parked = { attempt: Math.max(1, run.attempt), reason, code: "RUN_LOST", message: reason, worker: null };
    if (["lost", "crashed", "outOfMemory"].includes(reason)) run.failures.push(run.parked);
    const decision = decideParked({ run, sweep: this.sweep, trial: this.trials[run.trial]!, result: null });
    run.parked = null;
    if (decision.kind === "requeue") this.backlog.set(run.id, run);
    if (decision.kind === "end") this.finish(run, decision.state, decision.reason, null);
  }

  private finish(run: Run, state: Exclude<Trial["state"], "running">, reason: string | null, metrics: Run["metrics"]): void {
    Object.assign(run, { state, reason, metrics });
    this.sweep.runsFinal += 1;
    this.settle(this.trials[run.trial]!);
  }

  private settle(trial: Trial): void {
    const { objective } = this.sweep.record.spec;
    const decision = decideTrial({ ...trial, folds: this.sweep.record.folds }, trial.runs, objective);
    if (decision.kind === "stop") this.stopTrial(trial, "failed", decision.reason);
    if (decision.kind !== "settle") return;
    Object.assign(trial, { state: decision.state, value: decision.value, reason: decision.reason });
    const counter = { completed: "trialsCompleted", pruned: "trialsPruned", failed: "trialsFailed", cancelled: "trialsCancelled" } as const;
    this.sweep[counter[decision.state]] += 1;
    if (decision.value === null) return;
    const best = this.sweep.bestTrial === null ? null : { trial: this.sweep.bestTrial, value: this.sweep.bestValue! };
    if (isBetter({ trial: trial.number, value: decision.value }, best, objective.goal))
      Object.assign(this.sweep, { bestTrial: trial.number, bestValue: decision.value });
  }

  private stopTrials(): void {
    if (this.sweep.stopping === null) return;
    for (const trial of this.trials)
      if (!isFinal(trial.state) && trial.stopping === null) this.stopTrial(trial, "cancelled", this.sweep.reason ?? "");
  }

  private stopTrial(trial: Trial, why: "failed" | "cancelled", reason: string): void {
    Object.assign(trial, { stopping: why, reason });
    for (const run of trial.runs) if (this.backlog.delete(run.id)) this.park(run, "cancelled");
  }
}

const file = (changes: Partial<SweepFile> = {}): SweepFile => ({
  name: "simulated",
  dataset: "d",
  budget: { trials: 1000 },
  parameters: { "train.optimizer.learningRate": { type: "float", min: 1e-4, max: 1e-1, log: true } },
  resources: { concurrency: 16 },
  ...changes,
});
/** A score that depends on the configuration and the fold alone. */
const scored: Script = (run, parameters) => ({
  kind: "completed",
  dice: 1 - Math.abs(Math.log10(parameters["train.optimizer.learningRate"] as number) + 2.5) / 4 - run.fold / 100,
});
/** The same, but every third first attempt is lost. */
const flaky: Script = (run, parameters) =>
  run.attempt === 1 && (run.trial * 5 + run.fold) % 3 === 0 ? { kind: "ended", reason: "lost" } : scored(run, parameters);

describe("a simulated sweep", () => {
  it("of 1,000 trials in 5 folds runs every fold once and completes", () => {
    const { sweep, trials, attempts, mostInFlight } = new Simulation(file(), scored).play();
    expect(sweep).toMatchObject({ state: "completed", trialsCreated: 1000, trialsCompleted: 1000, runsFinal: 5000 });
    expect(attempts).toBe(5000);
    expect(mostInFlight.runs).toBe(10); // 8 slots and a window of 2
    expect(trials.every((trial) => trial.runs.every((run) => run.attempt === 1))).toBe(true);
  });

  it("has the same values and the same best trial when a third of the runs is lost once", () => {
    const calm = new Simulation(file({ budget: { trials: 200 } }), scored).play();
    const rough = new Simulation(file({ budget: { trials: 200 } }), flaky).play();
    expect(rough.attempts).toBeGreaterThan(calm.attempts + 300);
    const values = (simulation: Simulation) => simulation.trials.map((trial) => [trial.parameters, trial.value]);
    expect(values(rough)).toEqual(values(calm));
    expect(rough.sweep.bestTrial).toBe(calm.sweep.bestTrial);
  });

  it("keeps trials whole: folds of trial n are under way before those of trial n+1", () => {
    const starts: number[] = [];
    new Simulation(file({ budget: { trials: 50 } }), (run, parameters) => {
      starts.push(run.trial);
      return scored(run, parameters);
    }).play();
    const spread = starts.map((trial, i) => Math.max(...starts.slice(0, i + 1)) - trial);
    expect(Math.max(...spread)).toBeLessThanOrEqual(3);
  });

  it("fails a trial whose fold fails for good, cancels its other folds and goes on", () => {
    const { sweep, trials } = new Simulation(file({ budget: { trials: 40 } }), (run, parameters) =>
      run.trial === 7 && run.fold === 1 ? { kind: "ended", reason: "userError" } : scored(run, parameters),
    ).play();
    expect(sweep).toMatchObject({ state: "completed", trialsCompleted: 39, trialsFailed: 1 });
    expect(trials[7]!.runs[1]).toMatchObject({ state: "failed", attempt: 1 });
    expect(trials[7]).toMatchObject({ state: "failed", value: null, reason: "fold 1: userError" });
  });

  it("fails past maxFailures, with every trial final", () => {
    const { sweep, trials } = new Simulation(file({ budget: { trials: 1000, maxFailures: 3 } }), () => ({
      kind: "ended",
      reason: "crashed",
    })).play();
    expect(sweep).toMatchObject({ state: "failed", trialsFailed: expect.any(Number) as number });
    expect(sweep.trialsFailed).toBeGreaterThan(3);
    expect(openTrialCount(sweep)).toBe(0);
    expect(trials.every((trial) => trial.runs.every((run) => isFinal(run.state)))).toBe(true);
    expect(trials.length).toBeLessThan(20);
  });

  it("ends a grid below its budget when it is exhausted", () => {
    const grid = file({
      sampler: { type: "grid" },
      parameters: { "train.optimizer.learningRate": { type: "categorical", values: [0.1, 0.01, 0.001] } },
    });
    const { sweep } = new Simulation(grid, scored).play();
    expect(sweep).toMatchObject({
      state: "completed",
      trialsCreated: 3,
      trialsCompleted: 3,
      reason: "the whole grid was tried after 3 trials",
    });
  });

  it("starts no trial after its slot hours", () => {
    const { sweep } = new Simulation(file({ budget: { trials: 1000, gpuHours: 0.1 } }), scored).play();
    expect(sweep).toMatchObject({ state: "completed", reason: expect.stringContaining("budget.gpuHours") as string });
    expect(sweep.runsFinal).toBeGreaterThanOrEqual(360);
    expect(sweep.runsFinal).toBeLessThan(360 + 32);
  });

  it("starts no trial after its wall clock, cancels what has not started, and lets the others end", () => {
    const starts = new Map<number, number>();
    const simulation: Simulation = new Simulation(
      file({ budget: { trials: 1000, wallClock: "10s" }, cv: { folds: 2 }, resources: { concurrency: 40 } }),
      (run, parameters) => {
        starts.set(run.trial, Math.min(starts.get(run.trial) ?? Infinity, simulation.nowMs - RUN_MS));
        return scored(run, parameters);
      },
    );
    const { sweep, trials } = simulation.play();
    expect(sweep.state).toBe("completed");
    expect(sweep.reason).toBe(`budget.wallClock was used after ${sweep.trialsCompleted} trials`);
    expect(sweep.trialsCancelled).toBeGreaterThan(0);
    expect(sweep.trialsCompleted + sweep.trialsCancelled).toBe(sweep.trialsCreated);
    expect(Math.max(...starts.values())).toBeLessThan(10_002);
    for (const trial of trials.filter(({ state }) => state === "cancelled"))
      expect(trial.reason).toBe("budget.wallClock was used before the trial started");
  });

  it("always ends with every run final and every trial counted once, whatever the attempts come to", () => {
    const reasons = ["lost", "crashed", "outOfMemory", "userError", "released", "paused"] as const;
    const plan = fc.record({
      trials: fc.integer({ min: 1, max: 12 }),
      folds: fc.integer({ min: 1, max: 4 }),
      concurrency: fc.integer({ min: 1, max: 9 }),
      retries: fc.integer({ min: 0, max: 3 }),
      maxFailures: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
      // Endings of the attempts in the order they end; after these all complete.
      endings: fc.array(fc.option(fc.constantFrom(...reasons)), { maxLength: 60 }),
    });
    fc.assert(
      fc.property(plan, ({ trials, folds, concurrency, retries, maxFailures, endings }) => {
        const left = [...endings];
        const budget = { trials, ...(maxFailures === undefined ? {} : { maxFailures }) };
        const simulation = new Simulation(
          file({ budget, cv: { folds }, resources: { concurrency }, retry: { max: retries } }),
          (run, parameters) => {
            const reason = left.shift();
            return reason == null ? scored(run, parameters) : { kind: "ended", reason };
          },
        ).play();
        const { sweep } = simulation;
        const runs = simulation.trials.flatMap((trial) => trial.runs);
        expect(runs.every((run) => isFinal(run.state))).toBe(true);
        expect(openTrialCount(sweep)).toBe(0);
        expect(sweep.runsFinal).toBe(sweep.trialsCreated * folds);
        expect(sweep.runsInFlight).toBe(0);
        expect(sweep.state).toBe(maxFailures !== undefined && sweep.trialsFailed > maxFailures ? "failed" : "completed");
        expect(sweep.trialsCreated === trials || sweep.state === "failed").toBe(true);
        for (const trial of simulation.trials) {
          const states = trial.runs.map((run) => run.state);
          expect(trial.state === "completed").toBe(states.every((state) => state === "completed"));
          expect(trial.state === "failed").toBe(states.includes("failed"));
        }
      }),
    );
  });
});
