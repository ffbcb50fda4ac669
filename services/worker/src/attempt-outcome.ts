// Decides what one execution of a run came to, from what the trainer said, how its process ended and what was asked of it.
import type { AttemptEnd, FromTrainer } from "@saphena/contracts";
import { failureReason } from "./failure-reasons.ts";

export type Finished = Extract<FromTrainer, { type: "finished" }>;

export interface AttemptFacts {
  /** The last of finished, stopped or failed that the trainer sent; null when it died without a word. */
  last: Extract<FromTrainer, { type: "finished" | "stopped" | "failed" }> | null;
  exit: { code: number | null; signal: string | null; stderrTail: string };
  /** Killed because it had said nothing for this long; null when it was not. */
  silentMs: number | null;
  /** What the worker asked for: nothing, cancel, release (SIGTERM or pause), or abandon (another attempt took over). */
  asked: "nothing" | "cancel" | "release" | "abandon";
}

export type AttemptOutcome =
  | { kind: "commit"; finished: Finished }
  /** Say nothing: every word of this attempt would be refused. */
  | { kind: "abandon" }
  | { kind: "end"; reason: AttemptEnd; code: string; message: string };

export function decideOutcome({ last, exit, silentMs, asked }: AttemptFacts): AttemptOutcome {
  if (asked === "abandon") return { kind: "abandon" };
  // A finished run is worth keeping whatever was asked meanwhile; beginCommit has the last word.
  if (last?.type === "finished") return { kind: "commit", finished: last };
  if (asked === "cancel") return { kind: "end", reason: "cancelled", code: "RUN_LOST", message: "cancelled" };
  // Also when the trainer had to be killed before it could write a checkpoint: the user asked for the stop.
  if (asked === "release")
    return {
      kind: "end",
      reason: "released",
      code: "RUN_LOST",
      message: last === null ? "released without a new checkpoint" : "released after a checkpoint",
    };
  if (last?.type === "failed") return { kind: "end", reason: failureReason(last.code), code: last.code, message: last.message };
  return { kind: "end", reason: "crashed", code: "TRAINER_CRASHED", message: crashMessage(exit, silentMs) };
}

function crashMessage({ code, signal, stderrTail }: AttemptFacts["exit"], silentMs: number | null): string {
  const how =
    silentMs === null
      ? `the trainer ended with ${signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`}`
      : `the trainer had said nothing for ${silentMs / 1000} s (SAPHENA_STALL_MS) and was killed`;
  const tail = stderrTail.trim().split("\n").slice(-5).join("\n");
  return tail === "" ? how : `${how}:\n${tail}`;
}
