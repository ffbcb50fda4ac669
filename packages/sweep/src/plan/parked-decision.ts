// What becomes of a run whose attempt ended without a result: another attempt, or an end.
import { isFinal } from "@saphena/contracts";
import type { AttemptFailure, FinalState, LiveRun, LiveSweep, LiveTrial, RunResult } from "@saphena/contracts";

export type ParkedDecision =
  /** Nothing to decide: the run is not parked (any more). */
  | { kind: "none" }
  /** A result is in the store: it is the run's, whoever wrote it. */
  | { kind: "adopt"; result: RunResult }
  | { kind: "requeue" }
  | { kind: "end"; state: Exclude<FinalState, "completed">; reason: string };

/** Ends of an attempt that count against retry.max. A run that ran out of memory twice needs more memory, not a third try. */
const COUNTED = ["lost", "crashed", "outOfMemory"] as const;
const MOST_OUT_OF_MEMORY = 1;

export interface ParkedFacts {
  run: Pick<LiveRun, "state" | "parked" | "failures">;
  sweep: Pick<LiveSweep, "record" | "stopping">;
  trial: Pick<LiveTrial, "stopping" | "reason">;
  /** What the store holds at the run's result key. */
  result: RunResult | null;
}

/** Pure. */
export function decideParked({ run, sweep, trial, result }: ParkedFacts): ParkedDecision {
  const { parked } = run;
  if (isFinal(run.state) || parked === null) return { kind: "none" };
  if (result !== null) return { kind: "adopt", result };
  if (trial.stopping === "pruned") return { kind: "end", state: "pruned", reason: trial.reason ?? "pruned" };
  if (trial.stopping !== null || sweep.stopping !== null) return { kind: "end", state: "cancelled", reason: cancelReason(sweep, trial) };
  switch (parked.reason) {
    case "cancelled":
      return { kind: "end", state: "cancelled", reason: parked.message };
    case "userError":
      return { kind: "end", state: "failed", reason: parked.message };
    case "released":
    case "paused":
      return { kind: "requeue" };
    case "outOfMemory":
    case "lost":
    case "crashed":
      return decideRetry(run.failures, parked, sweep.record.spec.retry.max);
  }
}

function cancelReason(sweep: ParkedFacts["sweep"], trial: ParkedFacts["trial"]): string {
  if (trial.stopping === "failed") return `another fold failed${trial.reason === null ? "" : `: ${trial.reason}`}`;
  return trial.reason ?? (sweep.stopping === "failed" ? "the sweep failed" : "the sweep was cancelled");
}

function decideRetry(failures: readonly AttemptFailure[], parked: AttemptFailure, most: number): ParkedDecision {
  // The attempt that parked the run may or may not be in the list already.
  const all = failures.some((failure) => failure.attempt === parked.attempt) ? failures : [...failures, parked];
  const counted = all.filter((failure) => (COUNTED as readonly string[]).includes(failure.reason));
  const outOfMemory = counted.filter((failure) => failure.reason === "outOfMemory").length;
  if (parked.reason === "outOfMemory" && outOfMemory > MOST_OUT_OF_MEMORY) return { kind: "end", state: "failed", reason: parked.message };
  if (counted.length <= most) return { kind: "requeue" };
  const times = counted.length === 1 ? "" : ` (failed ${counted.length} times, retry.max is ${most})`;
  return { kind: "end", state: "failed", reason: `${parked.message}${times}` };
}
