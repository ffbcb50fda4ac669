// First step of a pass: runs whose attempt ended without a result get another attempt, or an end.
import { randomUUID } from "node:crypto";
import { SaphenaError } from "@saphena/contracts";
import { mapConcurrently } from "@saphena/dataset";
import type { LiveRun, LiveSweep, LiveTrial } from "@saphena/contracts";
import { decideParked } from "@saphena/sweep";
import { createResult, readResult } from "../run-result.ts";
import { STORE_LANES } from "./parts.ts";
import type { LeaderParts } from "./parts.ts";

const COMPLAIN_EVERY_MS = 60_000;

export class ParkedRuns {
  readonly #parts: LeaderParts;
  /** When the failure to decide about a run was last logged, by its id. */
  readonly #complainedAtMs = new Map<string, number>();

  constructor(parts: LeaderParts) {
    this.#parts = parts;
  }

  /** How many were decided about. One that cannot be (its result.json is not readable, say) stays parked and holds up no other. */
  async decide(runs: readonly LiveRun[], nowMs: number): Promise<number> {
    if (runs.length === 0) return 0;
    const facts = await loadFacts(this.#parts, runs);
    const decided = await mapConcurrently(runs, STORE_LANES, async (run) => {
      const sweep = facts.sweeps.get(run.sweep);
      const trial = facts.trials.get(trialKey(run));
      if (sweep === undefined || trial === undefined) return false;
      try {
        await decideOne(this.#parts, run, sweep, trial, nowMs);
        this.#complainedAtMs.delete(run.id);
        return true;
      } catch (error) {
        this.#complain(run, error, nowMs);
        return false;
      }
    });
    return decided.filter(Boolean).length;
  }

  /** Throws what is no fault of this run: then no other one can be decided about either. */
  #complain(run: LiveRun, thrown: unknown, nowMs: number): void {
    const { code } = SaphenaError.from(thrown);
    if (code === "STALE_LEADER" || code === "REDIS_UNREACHABLE") throw thrown;
    const last = this.#complainedAtMs.get(run.id);
    if (last !== undefined && nowMs - last < COMPLAIN_EVERY_MS) return;
    for (const [id, atMs] of this.#complainedAtMs) if (nowMs - atMs >= COMPLAIN_EVERY_MS) this.#complainedAtMs.delete(id);
    this.#complainedAtMs.set(run.id, nowMs);
    this.#parts.log.error({ err: thrown, run: run.id }, "this run cannot be decided about; it waits, and is tried again");
  }
}

async function decideOne(
  { state, queue, store, log }: LeaderParts,
  run: LiveRun,
  sweep: LiveSweep,
  trial: LiveTrial,
  nowMs: number,
): Promise<void> {
  // The store has the last word: an attempt may have committed and died before it could say so. A run never dispatched has no result.
  const result = run.attempt === 0 ? null : await readResult(store, run);
  const decision = decideParked({ run, sweep, trial, result });
  switch (decision.kind) {
    case "none":
      return;
    case "requeue":
      log.info({ run: run.id, attempt: run.attempt, ended: run.parked?.reason, why: run.parked?.message }, "run goes back to the queue");
      await queue.requeue(run.id);
      return;
    case "adopt":
      log.info({ run: run.id, state: decision.result.state }, "the run's result was in the store already");
      await queue.settleRun(decision.result);
      return;
    case "end": {
      const ended = { run, trial, sweep: sweep.record, state: decision.state, reason: decision.reason, nowMs, nonce: randomUUID() };
      const settled = await createResult(store, state, ended);
      if (settled.state === "failed") log.warn({ run: run.id, reason: settled.reason }, "run failed");
      await queue.settleRun(settled);
    }
  }
}

const trialKey = (run: Pick<LiveRun, "sweep" | "trial">): string => `${run.sweep}/${run.trial}`;

async function loadFacts(
  { state }: LeaderParts,
  runs: readonly LiveRun[],
): Promise<{ sweeps: Map<string, LiveSweep>; trials: Map<string, LiveTrial> }> {
  const numbers = new Map<string, Set<number>>();
  for (const run of runs) numbers.set(run.sweep, (numbers.get(run.sweep) ?? new Set()).add(run.trial));
  const loaded = await Promise.all(
    [...numbers].map(async ([id, trials]) => [await state.sweep(id), await state.trials(id, [...trials])] as const),
  );
  return {
    sweeps: new Map(loaded.flatMap(([sweep]) => (sweep === null ? [] : [[sweep.record.id, sweep] as const]))),
    trials: new Map(loaded.flatMap(([, trials]) => trials.map((trial) => [`${trial.sweep}/${trial.number}`, trial] as const))),
  };
}
