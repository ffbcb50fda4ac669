// The attempts this process executes: what heartbeats name and what stop requests reach. Two attempts of one run can meet here, when the
// older one lost its lease in an outage and the newer one was delivered to the same worker.
import { jobId } from "@saphena/contracts";

export type StopHow = "cancel" | "release" | "abandon";

/** A run in a slot, as heartbeats and stop requests see it. */
export interface ActiveAttempt {
  readonly run: string;
  readonly attempt: number;
  readonly sweep: string;
  readonly progress: { epoch: number; epochs: number; imagesPerSecond: number | null };
  stop(how: StopHow): void;
}

export class ActiveAttempts {
  /** From delivery on, by run and attempt. */
  readonly #delivered = new Set<string>();
  /** Claimed ones by run, the newest attempt only. */
  readonly #claimed = new Map<string, ActiveAttempt>();
  #draining = false;

  /** False when this very attempt is in hand already: a job can be delivered twice, and its claim would be granted again. */
  begin(run: string, attempt: number): boolean {
    const id = jobId(run, attempt);
    if (this.#delivered.has(id)) return false;
    this.#delivered.add(id);
    return true;
  }

  /** After its claim. The older of two attempts of a run is told to go; whoever comes while this worker drains is released at once. */
  enter(entering: ActiveAttempt): void {
    const other = this.#claimed.get(entering.run);
    if (other !== undefined && other.attempt > entering.attempt) return entering.stop("abandon");
    other?.stop("abandon");
    this.#claimed.set(entering.run, entering);
    if (this.#draining) entering.stop("release");
  }

  /** The end of what began, claimed or not. */
  leave(run: string, attempt: number): void {
    this.#delivered.delete(jobId(run, attempt));
    if (this.#claimed.get(run)?.attempt === attempt) this.#claimed.delete(run);
  }

  all(): ActiveAttempt[] {
    return [...this.#claimed.values()];
  }

  /** Releases what runs, and what enters from now on. */
  drain(): void {
    this.#draining = true;
    for (const attempt of this.all()) attempt.stop("release");
  }
}
