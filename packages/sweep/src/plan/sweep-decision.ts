// What a sweep needs next: trials, an end, or patience.
import { durationMs } from "@saphena/contracts";
import type { FinalState, LiveSweep } from "@saphena/contracts";
import { isFinal } from "@saphena/contracts";

export type SweepDecision =
  | { kind: "wait" }
  /** Make the next `trials` trials. */
  | { kind: "create"; trials: number }
  /** Wind down as failed: no new trial, the open ones are cancelled. */
  | { kind: "stop"; reason: string; rule: "maxFailures" }
  | { kind: "settle"; state: FinalState; reason: string | null; rule: SettleRule };

export type SettleRule = "budget" | "exhausted" | "wallClock" | "gpuHours" | "cancelled" | "maxFailures";

export type SweepFacts = Pick<
  LiveSweep,
  | "record"
  | "state"
  | "stopping"
  | "reason"
  | "trialBudget"
  | "retries"
  | "trialsCreated"
  | "trialsCompleted"
  | "trialsPruned"
  | "trialsFailed"
  | "trialsCancelled"
  | "trialsForgiven"
  | "runsFinal"
  | "slotSeconds"
  | "startedAtMs"
>;

/** Made by one decision; the next one makes more. Keeps the commands that make them short. */
const MOST_TRIALS_AT_ONCE = 250;

/** Trials that are made and not final. */
export function openTrialCount(sweep: SweepFacts): number {
  return sweep.trialsCreated - sweep.trialsCompleted - sweep.trialsPruned - sweep.trialsFailed - sweep.trialsCancelled;
}

/** The number of the sampler's next suggestion: trials made so far less those that were retries of failed ones. */
export function nextSuggestion(sweep: SweepFacts): number {
  return sweep.trialsCreated - (sweep.trialsForgiven - sweep.retries.length);
}

/**
 * Pure. `suggestions` is how many the sampler has in all (null = no end); nowMs is Redis time.
 * A stopping sweep is settled when its last trial is; the caller stops those trials.
 */
export function decideSweep(sweep: SweepFacts, suggestions: number | null, nowMs: number): SweepDecision {
  if (isFinal(sweep.state)) return { kind: "wait" };
  const open = openTrialCount(sweep);
  if (sweep.stopping !== null) {
    if (open > 0) return { kind: "wait" };
    const rule = sweep.stopping === "failed" ? "maxFailures" : "cancelled";
    return { kind: "settle", state: sweep.stopping, reason: sweep.reason, rule };
  }
  if (sweep.state === "paused") return { kind: "wait" };
  const failure = tooManyFailures(sweep);
  if (failure !== null) return { kind: "stop", reason: failure, rule: "maxFailures" };
  const supply = trialSupply(sweep, suggestions, nowMs);
  if (supply.trials > 0) {
    const trials = Math.min(supply.trials, trialsWanted(sweep), MOST_TRIALS_AT_ONCE);
    return trials > 0 ? { kind: "create", trials } : { kind: "wait" };
  }
  return open > 0 ? { kind: "wait" } : { kind: "settle", state: "completed", ...endOf(sweep, supply.end) };
}

function tooManyFailures(sweep: SweepFacts): string | null {
  const { maxFailures } = sweep.record.spec.budget;
  const failed = sweep.trialsFailed - sweep.trialsForgiven;
  if (maxFailures === undefined || failed <= maxFailures) return null;
  return `${failed} trial${failed === 1 ? "" : "s"} failed, more than budget.maxFailures ${maxFailures}`;
}

type SupplyEnd = "budget" | "exhausted" | "wallClock" | "gpuHours";

/** How many trials may still be made, and what ends the supply. */
function trialSupply(sweep: SweepFacts, suggestions: number | null, nowMs: number): { trials: number; end: SupplyEnd } {
  const { wallClock, gpuHours } = sweep.record.spec.budget;
  if (wallClock !== undefined && sweep.startedAtMs !== null && nowMs - sweep.startedAtMs >= durationMs(wallClock))
    return { trials: 0, end: "wallClock" };
  if (gpuHours !== undefined && sweep.slotSeconds >= gpuHours * 3600) return { trials: 0, end: "gpuHours" };
  const budget = sweep.trialBudget - sweep.trialsCreated;
  const left = suggestions === null ? Infinity : Math.max(0, suggestions - nextSuggestion(sweep)) + sweep.retries.length;
  return left < budget ? { trials: left, end: "exhausted" } : { trials: budget, end: "budget" };
}

/**
 * Enough trials that `concurrency` runs can be under way, and as many runs again in reserve so that no slot waits for the leader.
 * No reserve under a time budget: what is made is run, and would overrun it.
 */
function trialsWanted(sweep: SweepFacts): number {
  const { resources, budget } = sweep.record.spec;
  const { folds } = sweep.record;
  const openRuns = sweep.trialsCreated * folds - sweep.runsFinal;
  const timed = budget.wallClock !== undefined || budget.gpuHours !== undefined;
  const target = timed ? resources.concurrency : 2 * resources.concurrency;
  return Math.max(0, Math.ceil((target - openRuns) / folds));
}

function endOf(sweep: SweepFacts, end: SupplyEnd): { reason: string | null; rule: SettleRule } {
  const made = `after ${sweep.trialsCreated} trial${sweep.trialsCreated === 1 ? "" : "s"}`;
  switch (end) {
    case "budget":
      return { reason: null, rule: end };
    case "exhausted":
      return { reason: `the whole grid was tried ${made}`, rule: end };
    case "wallClock":
      return { reason: `budget.wallClock was used ${made}`, rule: end };
    case "gpuHours":
      return { reason: `budget.gpuHours was used ${made}`, rule: end };
  }
}
