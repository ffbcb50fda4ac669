// `--watch`: follows a sweep until it is final. Redraws in place on a terminal; elsewhere a line when something changed, at least one a minute.
// Exit code 1 means that the sweep failed, so a network that blinks must not end the watching.
import { isFinal } from "@saphena/contracts";
import type { SaphenaError, SweepStatus, WorkerStatus } from "@saphena/contracts";
import { throughOutages } from "@saphena/client";
import type { Client } from "@saphena/client";
import { Interrupted } from "./failure.ts";
import { activeSlots, progressKey, progressLine, progressScreen } from "./progress.ts";
import { formatScore } from "./number-format.ts";
import { liveArea, say } from "./terminal.ts";

const POLL_MS = 1_000;
const LONGEST_SILENCE_MS = 60_000;

/**
 * The final status. Ctrl-C only stops the watching: it throws Interrupted, and the sweep goes on. Throws SERVER_UNREACHABLE when there is
 * no answer for minutes.
 */
export async function watchSweep(client: Client, id: string): Promise<SweepStatus> {
  const display = process.stderr.isTTY ? screenDisplay() : lineDisplay();
  const interrupted = new AbortController();
  const onInterrupt = (): void => interrupted.abort(new Interrupted());
  process.once("SIGINT", onInterrupt);
  const { signal } = interrupted;
  const ask = () => Promise.all([client.sweep(id, signal), client.workers(signal).catch((): WorkerStatus[] => [])]);
  const outages = {
    signal,
    onOutage: (failure: SaphenaError) => display.say(`no answer: ${failure.message}. Still asking; the sweep does not need this watcher`),
    onRecovery: () => display.say("the server answers again"),
  };
  try {
    for (;;) {
      const [status, workers] = await throughOutages(ask, outages);
      signal.throwIfAborted();
      display.show(status, workers);
      if (isFinal(status.state)) {
        say(farewell(status));
        return status;
      }
      await pauseOrAbort(POLL_MS, signal);
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    say(`stopped watching; the sweep goes on. See \`saphena status ${id} --watch\``);
    throw new Interrupted();
  } finally {
    process.removeListener("SIGINT", onInterrupt);
  }
}

interface Display {
  show(status: SweepStatus, workers: readonly WorkerStatus[]): void;
  /** A line that stays. */
  say(text: string): void;
}

function screenDisplay(): Display {
  const area = liveArea();
  return {
    show: (status, workers) => area.draw(progressScreen(status, activeSlots(status.id, workers))),
    say(text) {
      area.end();
      say(text);
    },
  };
}

function lineDisplay(): Display {
  let key = "";
  let saidAtMs = 0;
  const show: Display["show"] = (status, workers) => {
    const now = Date.now();
    const newKey = progressKey(status);
    if (newKey === key && now - saidAtMs < LONGEST_SILENCE_MS) return;
    key = newKey;
    saidAtMs = now;
    say(progressLine(status, activeSlots(status.id, workers)));
  };
  return { show, say };
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
