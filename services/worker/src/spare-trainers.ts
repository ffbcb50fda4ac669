// One spare trainer a slot: forked ahead with its environment fixed and everything loaded that depends on no run, so a run begins to
// train at once. A spare is used for one run and ends with it. What befalls a spare before that costs no run anything.
import { setTimeout as delay } from "node:timers/promises";
import type { FromTrainer, LaunchTrainer, Slot, Trainer, TrainerEvents, TrainerPool } from "@saphena/contracts";
import type { Logger } from "pino";
import type { ForkTrainer } from "./trainer-process.ts";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;
/** A spare that does not go although it is killed is stuck in the driver: the worker does not wait for it. */
const CLOSE_MS = 5_000;

/** Pure. How long to wait before the next spare, after `endsInARow` that ended unused. */
export function sparePauseMs(endsInARow: number): number {
  return endsInARow === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (endsInARow - 1));
}

/** `slots`: those that get a spare; a run in any other slot is given a trainer of its own when it comes. */
export function createSpareTrainers(parts: { slots: readonly Slot[]; fork: ForkTrainer; folder: string; log: Logger }): TrainerPool {
  const spares = new Map(parts.slots.map((slot) => [slot.name, new SpareKeeper({ ...parts, slot })]));
  const launch: LaunchTrainer = ({ slot }, events) => {
    const keeper = spares.get(slot.name);
    return keeper === undefined ? parts.fork(slot, parts.folder, events) : keeper.launch(events);
  };
  for (const keeper of spares.values()) keeper.prepare();
  return { launch, close: async () => void (await Promise.all([...spares.values()].map((keeper) => keeper.close()))) };
}

/** A forked trainer whose listener can change: first the keeper of spares, later a run. */
interface Spare {
  trainer: Trainer;
  isReady: boolean;
  events: TrainerEvents;
}

interface KeeperParts {
  slot: Slot;
  fork: ForkTrainer;
  folder: string;
  log: Logger;
}

class SpareKeeper {
  readonly #parts: KeeperParts;
  #spare: Spare | null = null;
  #gone: Promise<void> = Promise.resolve();
  #endsInARow = 0;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Forks the next spare, after a pause when the last ones ended unused. Does nothing where there is one. */
  prepare(): void {
    if (this.#closed || this.#spare !== null || this.#timer !== null) return;
    const pauseMs = sparePauseMs(this.#endsInARow);
    if (pauseMs === 0) return this.#forkSpare();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (!this.#closed && this.#spare === null) this.#forkSpare();
    }, pauseMs);
    this.#timer.unref();
  }

  /** The spare, or a fresh trainer where there is none. The next one is forked once this run trains, or has ended without. */
  launch(events: TrainerEvents): Trainer {
    const { slot, fork, folder, log } = this.#parts;
    const spare = this.#spare;
    this.#spare = null;
    const watched: TrainerEvents = {
      message: (message) => {
        if (message.type === "started") this.prepare();
        events.message(message);
      },
      exit: (end) => {
        this.prepare();
        events.exit(end);
      },
    };
    if (spare === null) return fork(slot, folder, watched);
    this.#endsInARow = 0;
    return useSpare(spare, watched, (end) => {
      log.warn({ slot: slot.name, ...end }, "the spare trainer was dead when its run came; a fresh one takes its place");
      return fork(slot, folder, watched);
    });
  }

  /** Ends the spare and makes no other. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#spare === null) return;
    this.#spare.trainer.kill("SIGKILL");
    const limit = new AbortController();
    await Promise.race([this.#gone, delay(CLOSE_MS, undefined, { signal: limit.signal }).catch(() => undefined)]);
    limit.abort();
  }

  #forkSpare(): void {
    const { slot, fork, folder, log } = this.#parts;
    let noteGone!: () => void;
    this.#gone = new Promise((resolve) => (noteGone = resolve));
    const spare: Spare = {
      isReady: false,
      trainer: fork(slot, folder, { message: (message) => spare.events.message(message), exit: (end) => spare.events.exit(end) }),
      events: {
        message: ({ type }) => (spare.isReady ||= type === "ready"),
        exit: (end) => {
          noteGone();
          if (this.#spare !== spare) return;
          this.#spare = null;
          if (this.#closed) return;
          this.#endsInARow += 1;
          log.warn({ slot: slot.name, ...end, nextInMs: sparePauseMs(this.#endsInARow) }, "a spare trainer ended unused");
          this.prepare();
        },
      },
    };
    this.#spare = spare;
  }
}

/**
 * Hands a spare over to its run. It may have died without our knowing yet: when it ends before it has said a word to this run, and nobody
 * had asked it to, `replace` makes another, which says `ready` anew and so is told the start again.
 */
function useSpare(spare: Spare, events: TrainerEvents, replace: (end: Parameters<TrainerEvents["exit"]>[0]) => Trainer): Trainer {
  let trainer = spare.trainer;
  let spoke = false;
  let askedToEnd = false;
  let isOver = false;
  spare.events = {
    message: (message: FromTrainer) => {
      spoke ||= message.type !== "ready";
      events.message(message);
    },
    exit: (end) => {
      isOver = true;
      if (spoke || askedToEnd) events.exit(end);
      else trainer = replace(end);
    },
  };
  // Later, as every other message comes: whoever launches does not have the trainer in hand yet.
  if (spare.isReady) setImmediate(() => !isOver && events.message({ type: "ready" }));
  return {
    send: (message) => {
      askedToEnd ||= message.type === "stop";
      trainer.send(message);
    },
    kill: (signal) => {
      askedToEnd = true;
      trainer.kill(signal);
    },
  };
}
