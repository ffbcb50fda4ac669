// The aggregator's loop: reads outcomes and points from the streams and writes them into the index, position and rows in one
// transaction. The index is disposable: whatever it knows of finished runs is also in the object store (rebuild.ts).
import { isFinal } from "@saphena/contracts";
import type { LiveState } from "@saphena/queue";
import type { Logger } from "pino";
import type { IndexDatabase } from "./index-database.ts";
import { mergeRows } from "./merge.ts";
import { rowsFromEvents } from "./rows-from-events.ts";

export interface Position {
  outcomes: string;
  points: string;
}
export const BEGINNING: Position = { outcomes: "0-0", points: "0-0" };

/** Whether stream id `a` is at or behind `b`; ids are `<milliseconds>-<sequence>`. */
export function reached(position: string, target: string): boolean {
  const [ms = 0, sequence = 0] = position.split("-").map(Number);
  const [targetMs = 0, targetSequence = 0] = target.split("-").map(Number);
  return ms > targetMs || (ms === targetMs && sequence >= targetSequence);
}

export interface Aggregation {
  /** Resolves once the outcome with this stream id is in the index; false when that takes longer. */
  caughtUp(outcomeId: string, timeoutMs: number): Promise<boolean>;
  /** Runs `change` while nothing is read, then goes on from where the index says it is. */
  paused<T>(change: () => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

const BATCH_EVENTS = 5_000;
const BLOCK_MS = 1_000;
/** Gathering for a moment makes batches larger: DuckDB takes a thousand rows in the time of a few. */
const GATHER_MS = 100;
const RETRY_MS = 1_000;

export function startAggregation(parts: {
  state: LiveState;
  index: IndexDatabase;
  log: Logger;
  onSettled: (sweep: string) => void;
}): Aggregation {
  const { state, index, log, onSettled } = parts;
  const stopping = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  let position = BEGINNING;
  const waiters = new Set<() => void>();

  async function step(): Promise<void> {
    position = await readPosition(index);
    const batch = await state.readStreams(position, { count: BATCH_EVENTS, blockMs: BLOCK_MS });
    const next = { outcomes: batch.outcomes.at(-1)?.id ?? position.outcomes, points: batch.points.at(-1)?.id ?? position.points };
    if (next.outcomes === position.outcomes && next.points === position.points) return;
    const outcomes = batch.outcomes.map(({ event }) => event);
    const rows = rowsFromEvents(
      outcomes,
      batch.points.map(({ event }) => event),
    );
    await index.write(async (writer) => {
      await mergeRows(writer, rows);
      await writer.run("UPDATE position SET outcomes = ?, points = ?", [next.outcomes, next.points]);
    });
    position = next;
    for (const wake of waiters) wake();
    for (const event of outcomes) if (event.type === "sweepState" && isFinal(event.state)) onSettled(event.sweep);
  }

  /** One at a time: a step that read its position before a rebuild must not write it after. */
  function alone<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await alone(step);
        await sleep(GATHER_MS);
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.warn({ err: error }, "the streams could not be read; trying again");
        await sleep(RETRY_MS);
      }
    }
  }
  const running = loop();

  return {
    async caughtUp(outcomeId, timeoutMs) {
      const deadline = Date.now() + timeoutMs;
      while (!reached(position.outcomes, outcomeId)) {
        if (stopping.signal.aborted || Date.now() > deadline) return false;
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            clearTimeout(timer);
            waiters.delete(wake);
            resolve();
          };
          const timer = setTimeout(wake, deadline - Date.now() + 1);
          waiters.add(wake);
        });
      }
      return true;
    },
    paused: alone,
    async stop() {
      stopping.abort();
      for (const wake of waiters) wake();
      await running;
    },
  };
}

async function readPosition(index: IndexDatabase): Promise<Position> {
  const [row] = await index.query<{ outcomes: string; points: string }>("SELECT outcomes, points FROM position");
  return row ?? BEGINNING;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
