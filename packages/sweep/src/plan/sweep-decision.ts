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
  /** A time budget is used up: cancel the open trials of which no run has started. The others run to their end. */
  | { kind: "stopUnstarted"; reason: string; rule: TimeBudget }
  | { kind: "settle"; state: FinalState; reason: string | null; rule: SettleRule };

export type TimeBudget = "wallClock" | "gpuHours";
export type SettleRule = "budget" | "exhausted" | TimeBudget | "cancelled" | "maxFailures";

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
  | "trialsRetried"
  | "failuresForgiven"
  | "runsFinal"
  | "slotSeconds"
  | "runningMs"
  | "runningSinceMs"
>;

/** Made by one decision; the next one makes more. Keeps the commands that make them short. */
const MOST_TRIALS_AT_ONCE = 250;

/** Trials that are made and not final. */
export function openTrialCount(sweep: SweepFacts): number {
  return sweep.trialsCreated - sweep.trialsCompleted - sweep.trialsPruned - sweep.trialsFailed - sweep.trialsCancelled;
}

/** The number of the sampler's next suggestion: trials made so far less those that were retries. */
export function nextSuggestion(sweep: SweepFacts): number {
  return sweep.trialsCreated - (sweep.trialsRetried - sweep.retries.length);
}

/** Suggestions the sampler still has; `suggestions` is how many it has in all (null = no end). */
export function suggestionsLeft(sweep: SweepFacts, suggestions: number | null): number {
  return suggestions === null ? Infinity : Math.max(0, suggestions - nextSuggestion(sweep));
}

/** Time in state running, in ms. Pauses, and what lies between an end and a reopening, are not in it. */
export function runningMs(sweep: Pick<SweepFacts, "runningMs" | "runningSinceMs">, nowMs: number): number {
  return sweep.runningMs + (sweep.runningSinceMs === null ? 0 : Math.max(0, nowMs - sweep.runningSinceMs));
}

/** The time budget that is used up; no edit brings it back. The Lua function of this name keeps runs from starting by the same rule. */
export function usedUp(sweep: SweepFacts, nowMs: number): TimeBudget | null {
  const { wallClock, gpuHours } = sweep.record.spec.budget;
  if (wallClock !== undefined && runningMs(sweep, nowMs) >= durationMs(wallClock)) return "wallClock";
  if (gpuHours !== undefined && sweep.slotSeconds >= gpuHours * 3600) return "gpuHours";
  return null;
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
  if (open === 0) return { kind: "settle", state: "completed", ...endOf(sweep, supply.end) };
  if (supply.end !== "wallClock" && supply.end !== "gpuHours") return { kind: "wait" };
  return { kind: "stopUnstarted", reason: `budget.${supply.end} was used before the trial started`, rule: supply.end };
}

function tooManyFailures(sweep: SweepFacts): string | null {
  const { maxFailures } = sweep.record.spec.budget;
  const failed = sweep.trialsFailed - sweep.failuresForgiven;
  if (maxFailures === undefined || failed <= maxFailures) return null;
  return `${failed} trial${failed === 1 ? "" : "s"} failed, more than budget.maxFailures ${maxFailures}`;
}

type SupplyEnd = "budget" | "exhausted" | TimeBudget;

/** How many trials may still be made, and what ends the supply. */
function trialSupply(sweep: SweepFacts, suggestions: number | null, nowMs: number): { trials: number; end: SupplyEnd } {
  const used = usedUp(sweep, nowMs);
  if (used !== null) return { trials: 0, end: used };
  const budget = sweep.trialBudget - sweep.trialsCreated;
  const left = suggestionsLeft(sweep, suggestions) + sweep.retries.length;
  return left < budget ? { trials: left, end: "exhausted" } : { trials: budget, end: "budget" };
}

/**
 * Enough trials that `concurrency` runs can be under way, and as many runs again in reserve so that no slot waits for the leader.
 * No reserve under a time budget: what has not started when it is used up is cancelled.
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
  const reasons = [limitReached(sweep, end), noneCompleted(sweep)].filter((reason) => reason !== null);
  return { reason: reasons.length === 0 ? null : reasons.join("; "), rule: end };
}

function limitReached(sweep: SweepFacts, end: SupplyEnd): string | null {
  const tried = sweep.trialsCreated - sweep.trialsCancelled;
  const made = `after ${tried} trial${tried === 1 ? "" : "s"}`;
  switch (end) {
    case "budget":
      return null;
    case "exhausted":
      return `the whole grid was tried ${made}`;
    case "wallClock":
    case "gpuHours":
      return `budget.${end} was used ${made}`;
  }
}

/** Without maxFailures such a sweep has done what it was asked to, so it is completed; but it has nothing to show. */
function noneCompleted({ trialsCompleted, trialsFailed, trialsPruned, trialsCancelled }: SweepFacts): string | null {
  if (trialsCompleted > 0) return null;
  const counts = Object.entries({ failed: trialsFailed, pruned: trialsPruned, cancelled: trialsCancelled });
  const how = counts.filter(([, count]) => count > 0).map(([state, count]) => `${count} ${state}`);
  return `no trial completed: ${how.join(", ")}`;
}
