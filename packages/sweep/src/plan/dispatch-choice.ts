// Which runs go to the workers now. The backlog lives in our records; only what may start soon is handed to delivery.
import type { LiveSweep } from "@saphena/contracts";

export interface SweepDemand {
  sweep: string;
  pool: string;
  priority: number;
  sequence: number;
  /** Dispatched and not final. */
  inFlight: number;
  concurrency: number;
  /** Runs that may start, in order (trial, fold): at least as many as the sweep may get, or all there are. */
  backlog: readonly string[];
}

export interface DispatchOrder {
  run: string;
  pool: string;
}

/** A sweep takes part unless it is paused, stopping or final. */
export function mayDispatch(sweep: Pick<LiveSweep, "state" | "stopping">): boolean {
  return sweep.stopping === null && (sweep.state === "running" || sweep.state === "queued");
}

/** How long runs may wait at the workers for the leader's next look; at 0.25 s of them no slot runs dry. */
const WINDOW_SECONDS = 0.25;

/**
 * Runs a pool should hold: its slots and a small window, 0 without a worker. The window grows with the rate at which runs end: for
 * trainings of hours it is a run for every four slots, so that a sweep of higher priority overtakes nearly all that wait.
 */
export function poolTarget(slots: number, runsPerSecond: number): number {
  if (slots === 0) return 0;
  const least = Math.ceil(slots / 4);
  return slots + Math.min(Math.max(least, Math.ceil(runsPerSecond * WINDOW_SECONDS)), 4 * slots + 16);
}

/** How many more runs the pool takes. `inFlight` counts the runs that are dispatched or running there, of all sweeps. */
export function poolRoom(pool: { slots: number; inFlight: number }, runsPerSecond: number): number {
  return Math.max(0, poolTarget(pool.slots, runsPerSecond) - pool.inFlight);
}

/**
 * Pure. One run at a time to the sweep with the highest priority, then the fewest runs in flight, then the earliest submit; within a
 * sweep all folds of trial n before trial n+1, as its backlog is ordered.
 */
export function chooseDispatch(roomByPool: ReadonlyMap<string, number>, demands: readonly SweepDemand[]): DispatchOrder[] {
  const room = new Map(roomByPool);
  const open = demands.map((demand) => ({ demand, inFlight: demand.inFlight, next: 0 }));
  const orders: DispatchOrder[] = [];
  for (;;) {
    const able = open.filter(
      ({ demand, inFlight, next }) => next < demand.backlog.length && inFlight < demand.concurrency && (room.get(demand.pool) ?? 0) > 0,
    );
    if (able.length === 0) return orders;
    const first = able.reduce((best, one) => (goesBefore(one, best) ? one : best));
    const { pool, backlog } = first.demand;
    orders.push({ run: backlog[first.next]!, pool });
    first.next += 1;
    first.inFlight += 1;
    room.set(pool, room.get(pool)! - 1);
  }
}

interface Standing {
  demand: SweepDemand;
  inFlight: number;
}

function goesBefore(a: Standing, b: Standing): boolean {
  if (a.demand.priority !== b.demand.priority) return a.demand.priority > b.demand.priority;
  if (a.inFlight !== b.inFlight) return a.inFlight < b.inFlight;
  return a.demand.sequence < b.demand.sequence;
}
