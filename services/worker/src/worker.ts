// The worker: pulls runs of its pool, gives each a slot, renews their leases, passes stop requests on, and on SIGTERM lets every
// run write a checkpoint and go back to the queue. It decides nothing about sweeps. See attempt.ts for the life of one attempt.
import type { LiveState, WorkerQueue } from "@saphena/queue";
import { ActiveAttempts } from "./active-attempts.ts";
import { executeAttempt } from "./attempt.ts";
import type { AttemptParts } from "./attempt.ts";

export interface WorkerOptions extends AttemptParts {
  state: LiveState;
  queue: WorkerQueue;
  heartbeatMs: number;
}

export interface Worker {
  /** Takes nothing new, releases what runs (after a checkpoint), and unregisters. */
  drain(): Promise<void>;
}

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { state, queue, heartbeatMs, log } = options;
  const active = new ActiveAttempts();
  let draining: Promise<void> | null = null;

  async function beat(): Promise<void> {
    const held = active.all();
    const replies = await queue.heartbeat(held.map(({ run, attempt, progress }) => ({ run, attempt, ...progress })));
    for (const attempt of held) {
      const reply = replies.get(attempt.run);
      if (reply !== undefined && reply !== "ok") attempt.stop(reply === "stale-attempt" ? "abandon" : reply);
    }
  }

  // One heartbeat at a time: during an outage of Redis the next one waits for the last.
  let beating = false;
  const timer = setInterval(() => {
    if (beating) return;
    beating = true;
    beat()
      .catch((error: unknown) => log.warn({ err: error }, "heartbeat failed"))
      .finally(() => (beating = false));
  }, heartbeatMs);

  await beat();
  const stopControl = await state.onControl(({ sweep, run, action }) => {
    for (const attempt of active.all()) {
      if (attempt.sweep === sweep && (run === null || run === attempt.run)) attempt.stop(action);
    }
  });
  const delivery = await queue.consume((run, attempt) => executeAttempt(options, run, attempt, active));
  log.info({ worker: options.worker }, "worker started");

  async function drainOnce(): Promise<void> {
    log.info({ running: active.all().length }, "draining");
    active.drain();
    await delivery.pause();
    await delivery.close(); // waits for the attempts, whose heartbeats go on meanwhile
    clearInterval(timer);
    await stopControl();
    await queue.removeWorker();
  }

  return { drain: () => (draining ??= drainOnce()) };
}
