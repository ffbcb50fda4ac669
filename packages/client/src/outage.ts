// Asking about a sweep while somebody waits for its end: a network that blinks, or a server that is started anew, says nothing about the
// sweep, so it is asked again for some minutes.
import { SaphenaError } from "@saphena/contracts";
import { pause } from "./transport.ts";

export interface OutageOptions {
  /** How long an outage may last; default 300,000. */
  patienceMs?: number | undefined;
  /** Called once an outage, with the first failure. */
  onOutage?: ((failure: SaphenaError) => void) | undefined;
  /** Called when an answer came after all. */
  onRecovery?: (() => void) | undefined;
  signal?: AbortSignal | undefined;
}

const PATIENCE_MS = 300_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/** What `ask` gives. Throws its failure when trying again cannot mend it; SERVER_UNREACHABLE after `patienceMs`; the signal's reason. */
export async function throughOutages<T>(ask: () => Promise<T>, options: OutageOptions = {}): Promise<T> {
  const { patienceMs = PATIENCE_MS, onOutage, onRecovery, signal } = options;
  let sinceMs: number | null = null;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      const answer = await ask();
      if (sinceMs !== null) onRecovery?.();
      return answer;
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!(thrown instanceof SaphenaError) || !thrown.retryable) throw thrown;
      if (sinceMs === null) onOutage?.(thrown);
      sinceMs ??= Date.now();
      const outageMs = Date.now() - sinceMs;
      if (outageMs + pauseMs > patienceMs) throw gaveUp(thrown, outageMs);
      await pause(pauseMs, signal);
    }
  }
}

const gaveUp = (last: SaphenaError, outageMs: number): SaphenaError =>
  new SaphenaError("SERVER_UNREACHABLE", `no answer for ${Math.round(outageMs / 1000)} s, at last: ${last.message}`, {
    hint: "this says nothing about the sweep, which goes on by itself: ask again once the server answers",
    cause: last,
  });
