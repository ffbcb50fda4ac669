// Live views: one reader of the event streams a process, however many browsers watch. It runs while somebody does.
import type { LivePoints, OutcomeEvent } from "@saphena/contracts";
import type { LiveState } from "@saphena/queue";
import type { Logger } from "pino";
import { setTimeout as sleep } from "node:timers/promises";

export interface LiveListener {
  points(points: LivePoints): void;
  /** Something in the table of trials, or in the sweep's status, changed. */
  changed(): void;
}

const BLOCK_MS = 1000;
const COUNT = 2000;
const AFTER_FAILURE_MS = 1000;

export class LiveEvents {
  readonly #state: LiveState;
  readonly #log: Logger;
  readonly #listeners = new Map<string, Set<LiveListener>>();
  #reading = false;
  #closed = false;

  constructor(state: LiveState, log: Logger) {
    this.#state = state;
    this.#log = log;
  }

  /** Events of one sweep from now on; call what it returns to leave. */
  subscribe(sweep: string, listener: LiveListener): () => void {
    const listeners = this.#listeners.get(sweep) ?? new Set();
    this.#listeners.set(sweep, listeners.add(listener));
    if (!this.#reading) void this.#read();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(sweep) === listeners) this.#listeners.delete(sweep);
    };
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    while (this.#listeners.size > 0 && !this.#closed) {
      try {
        await this.#follow();
      } catch (error) {
        if (this.#closed) break;
        this.#log.warn({ err: error }, "live events broke off; they go on from now");
        for (const listeners of this.#listeners.values()) for (const listener of listeners) listener.changed();
        await sleep(AFTER_FAILURE_MS);
      }
    }
    this.#reading = false;
  }

  async #follow(): Promise<void> {
    const after = await this.#state.lastIds();
    while (this.#listeners.size > 0 && !this.#closed) {
      const batch = await this.#state.readStreams(after, { count: COUNT, blockMs: BLOCK_MS });
      for (const { id, event } of batch.points) {
        after.points = id;
        const { sweep, trial, fold, points } = event;
        for (const listener of this.#listeners.get(sweep) ?? []) listener.points({ trial, fold, points });
      }
      const changed = new Set<string>();
      for (const { id, event } of batch.outcomes) {
        after.outcomes = id;
        changed.add(sweepOf(event));
      }
      for (const sweep of changed) for (const listener of this.#listeners.get(sweep) ?? []) listener.changed();
    }
  }
}

/** Pure. */
export function sweepOf(event: OutcomeEvent): string {
  switch (event.type) {
    case "sweepSubmitted":
      return event.record.id;
    case "runFinished":
      return event.result.sweep;
    case "sweepState":
    case "trialCreated":
    case "trialSettled":
    case "runStarted":
    case "attemptEnded":
      return event.sweep;
  }
}
