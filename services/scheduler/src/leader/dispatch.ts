// Last step of a pass: hand the workers as many runs as they may want before the next one.
import type { LiveSweep } from "@saphena/contracts";
import { chooseDispatch, mayDispatch, poolRoom } from "@saphena/sweep";
import type { SweepDemand } from "@saphena/sweep";
import type { LeaderParts } from "./parts.ts";

/** How fast runs end, from the sweeps' counters between passes, smoothed over about two seconds. */
export class FinishRate {
  #perSecond = 0;
  #lastMs: number | null = null;
  #counts = new Map<string, number>();

  observe(sweeps: readonly LiveSweep[], nowMs: number): number {
    const counts = new Map(sweeps.map((sweep) => [sweep.record.id, sweep.runsFinal]));
    if (this.#lastMs !== null && nowMs > this.#lastMs) {
      const seconds = (nowMs - this.#lastMs) / 1000;
      const ended = [...counts].reduce((sum, [id, count]) => sum + Math.max(0, count - (this.#counts.get(id) ?? count)), 0);
      const weight = Math.min(1, seconds / 2);
      this.#perSecond += weight * (ended / seconds - this.#perSecond);
    }
    if (this.#lastMs !== nowMs) this.#counts = counts;
    this.#lastMs = nowMs;
    return this.#perSecond;
  }
}

/** Which workers there are changes slowly, and asking is several reads. */
const SLOTS_FOR_MS = 250;

export class Dispatcher {
  readonly #parts: Pick<LeaderParts, "state" | "queue">;
  readonly #rate = new FinishRate();
  #slots: { atMs: number; byPool: ReadonlyMap<string, number> } | null = null;

  constructor(parts: Pick<LeaderParts, "state" | "queue">) {
    this.#parts = parts;
  }

  /** How many runs were handed out. `sweeps` are all that are not final. */
  async dispatch(sweeps: readonly LiveSweep[], nowMs: number): Promise<number> {
    const runsPerSecond = this.#rate.observe(sweeps, nowMs);
    const able = sweeps.filter((sweep) => mayDispatch(sweep) && sweep.runsInFlight < sweep.record.spec.resources.concurrency);
    if (able.length === 0) return 0;
    const room = roomByPool(await this.#slotsByPool(nowMs), sweeps, runsPerSecond);
    const demands = await Promise.all(able.map((sweep) => this.#demandOf(sweep, room)));
    const orders = chooseDispatch(room, demands);
    if (orders.length === 0) return 0;
    const replies = await this.#parts.queue.dispatch(orders);
    return replies.filter((reply) => reply === "dispatched").length;
  }

  async #slotsByPool(nowMs: number): Promise<ReadonlyMap<string, number>> {
    if (this.#slots === null || Math.abs(nowMs - this.#slots.atMs) >= SLOTS_FOR_MS) {
      const workers = await this.#parts.state.workers();
      const byPool = new Map<string, number>();
      for (const { pool, slots } of workers) byPool.set(pool, (byPool.get(pool) ?? 0) + slots);
      this.#slots = { atMs: nowMs, byPool };
    }
    return this.#slots.byPool;
  }

  async #demandOf({ record, sequence, runsInFlight }: LiveSweep, room: ReadonlyMap<string, number>): Promise<SweepDemand> {
    const { pool, priority, concurrency } = record.spec.resources;
    const most = Math.min(concurrency - runsInFlight, room.get(pool) ?? 0);
    const backlog = most > 0 ? await this.#parts.queue.backlog(record.id, most) : [];
    return { sweep: record.id, pool, priority, sequence, inFlight: runsInFlight, concurrency, backlog };
  }
}

/** Pure. From the sweeps' own counters: what workers tell of themselves is as old as their last heartbeat. */
export function roomByPool(slots: ReadonlyMap<string, number>, sweeps: readonly LiveSweep[], runsPerSecond: number): Map<string, number> {
  const inFlight = (pool: string): number =>
    sweeps.reduce((sum, sweep) => sum + (sweep.record.spec.resources.pool === pool ? sweep.runsInFlight : 0), 0);
  return new Map([...slots].map(([pool, count]) => [pool, poolRoom({ slots: count, inFlight: inFlight(pool) }, runsPerSecond)]));
}
