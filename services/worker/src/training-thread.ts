// The trainer's main thread watches the thread that trains: whatever becomes of that one, the parent hears one last word.
import type { Worker } from "node:worker_threads";
import { SaphenaError } from "@saphena/contracts";
import type { FromTrainer } from "@saphena/contracts";

export interface ThreadListener {
  /** What is said before the last word, in order. */
  said(message: FromTrainer): void;
  /** Finished, stopped or failed. Once: a thread that speaks or dies after its last word is not heard any more. */
  ended(last: FromTrainer): void;
  /** What a thrown value means. */
  failure(thrown: unknown): FromTrainer;
}

export function watchTrainingThread(thread: Worker, { said, ended, failure }: ThreadListener): void {
  let last: FromTrainer | null = null;
  let thrown: unknown;
  const end = (message: FromTrainer): void => {
    if (last !== null) return;
    last = message;
    ended(message);
  };
  thread.on("message", (message: FromTrainer) => (isLast(message) ? end(message) : said(message)));
  // An error travels by a way of its own and may overtake what was said before it; the exit comes after both.
  thread.on("error", (error) => (thrown = error));
  thread.on("exit", (code) =>
    end(failure(thrown ?? new SaphenaError("TRAINER_CRASHED", `the training thread ended without a word, exit code ${code}`))),
  );
}

function isLast({ type }: FromTrainer): boolean {
  return type === "finished" || type === "stopped" || type === "failed";
}
