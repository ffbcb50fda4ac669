// `--watch`: follows a sweep until it is final. Redraws in place on a terminal; elsewhere a line when something changed, at least one a minute.
import { isFinal } from "@saphena/contracts";
import type { SweepStatus, WorkerStatus } from "@saphena/contracts";
import type { Client } from "@saphena/client";
import { Interrupted } from "./failure.ts";
import { activeSlots, progressKey, progressLine, progressScreen } from "./progress.ts";
import { formatScore } from "./number-format.ts";
import { liveArea, say } from "./terminal.ts";

const POLL_MS = 1_000;
const LONGEST_SILENCE_MS = 60_000;

/** The final status. Ctrl-C only stops the watching: it throws Interrupted, and the sweep goes on. */
export async function watchSweep(client: Client, id: string): Promise<SweepStatus> {
  const show = process.stderr.isTTY ? screenDisplay() : lineDisplay();
  const interrupted = new AbortController();
  const onInterrupt = (): void => interrupted.abort(new Interrupted());
  process.once("SIGINT", onInterrupt);
  try {
    for (;;) {
      const [status, workers] = await Promise.all([client.sweep(id, interrupted.signal), client.workers().catch((): WorkerStatus[] => [])]);
      interrupted.signal.throwIfAborted();
      show(status, workers);
      if (isFinal(status.state)) {
        say(farewell(status));
        return status;
      }
      await pauseOrAbort(POLL_MS, interrupted.signal);
    }
  } catch (thrown) {
    if (!interrupted.signal.aborted) throw thrown;
    say(`stopped watching; the sweep goes on. See \`saphena status ${id} --watch\``);
    throw new Interrupted();
  } finally {
    process.removeListener("SIGINT", onInterrupt);
  }
}

type Display = (status: SweepStatus, workers: readonly WorkerStatus[]) => void;

function screenDisplay(): Display {
  const area = liveArea();
  return (status, workers) => area.draw(progressScreen(status, activeSlots(status.id, workers)));
}

function lineDisplay(): Display {
  let key = "";
  let saidAtMs = 0;
  return (status, workers) => {
    const now = Date.now();
    const newKey = progressKey(status);
    if (newKey === key && now - saidAtMs < LONGEST_SILENCE_MS) return;
    key = newKey;
    saidAtMs = now;
    say(progressLine(status, activeSlots(status.id, workers)));
  };
}

function farewell(status: SweepStatus): string {
  const reason = status.reason === null ? "" : `: ${status.reason}`;
  const best =
    status.best === null ? "" : `; best trial ${status.best.trial} with ${status.objective.metric} ${formatScore(status.best.value)}`;
  return `${status.state}${reason}${best}. \`saphena trials ${status.id}\` shows all trials`;
}

function pauseOrAbort(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
