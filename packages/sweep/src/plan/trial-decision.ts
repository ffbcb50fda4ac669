// What a trial needs once one of its runs has ended: its own end, the end of its other folds, or patience.
import { isFinal } from "@saphena/contracts";
import type { FinalState, LiveRun, LiveTrial, Objective } from "@saphena/contracts";
import { trialValue } from "../objective.ts";

export type TrialDecision =
  | { kind: "wait" }
  /** A fold failed for good: cancel the others. */
  | { kind: "stop"; why: "failed"; reason: string }
  | { kind: "settle"; state: FinalState; reason: string | null; value: number | null; rule: "folds" };

type TrialFacts = Pick<LiveTrial, "state" | "stopping" | "reason" | "folds">;
type RunFacts = Pick<LiveRun, "fold" | "state" | "metrics" | "reason">;

/** Pure. `runs` are all runs of the trial that exist; with fewer than its folds the trial waits. */
export function decideTrial(trial: TrialFacts, runs: readonly RunFacts[], objective: Objective): TrialDecision {
  if (isFinal(trial.state)) return { kind: "wait" };
  const failed = runs.find((run) => run.state === "failed");
  const allFinal = runs.length === trial.folds && runs.every((run) => isFinal(run.state));
  if (!allFinal) {
    if (failed === undefined || trial.stopping !== null) return { kind: "wait" };
    return { kind: "stop", why: "failed", reason: failureReason(failed) };
  }
  const settle = (state: FinalState, reason: string | null): TrialDecision => ({
    kind: "settle",
    state,
    reason,
    value: state === "completed" || state === "pruned" ? trialValue(byFold(runs), objective) : null,
    rule: "folds",
  });
  if (failed !== undefined) return settle("failed", failureReason(failed));
  if (trial.stopping === "pruned" || runs.some((run) => run.state === "pruned")) return settle("pruned", trial.reason);
  const cancelled = runs.find((run) => run.state === "cancelled");
  if (cancelled !== undefined) return settle("cancelled", trial.reason ?? cancelled.reason);
  return settle("completed", null);
}

/** Summed in the order of the folds, so that rounding does not depend on which run ended first. */
function byFold(runs: readonly RunFacts[]): RunFacts["metrics"][] {
  return [...runs].sort((a, b) => a.fold - b.fold).map((run) => run.metrics);
}

function failureReason(run: RunFacts): string {
  return run.reason === null ? `fold ${run.fold} failed` : `fold ${run.fold}: ${run.reason}`;
}
