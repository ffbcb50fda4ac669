// Waits for a condition instead of sleeping: a test then takes as long as the thing it waits for, and says what never came.
import { setTimeout as pause } from "node:timers/promises";

export interface UntilOptions {
  /** Default 15,000. */
  timeoutMs?: number;
  /** What is waited for, as it reads after "gave up waiting for". */
  what: string;
}

type Fulfilled<T> = Exclude<T, false | null | undefined>;

/**
 * Calls `condition` until it gives something other than false, null or undefined, and returns that. A condition that throws has not come
 * true yet (a server that still refuses connections); its last error is the cause when time is up.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions): Promise<Fulfilled<T>> {
  const timeoutMs = options.timeoutMs ?? 15_000;
  const deadlineMs = performance.now() + timeoutMs;
  let pauseMs = 2;
  let lastError: Error | undefined;
  for (;;) {
    try {
      const value = await condition();
      if (value !== false && value !== null && value !== undefined) return value as Fulfilled<T>;
      lastError = undefined;
    } catch (error) {
      lastError = error instanceof Error ? error : new Error("something else than an Error was thrown", { cause: error });
    }
    if (performance.now() >= deadlineMs) {
      const why = lastError === undefined ? "" : ` (${lastError.message})`;
      throw new Error(`gave up waiting for ${options.what} after ${timeoutMs} ms${why}`, { cause: lastError });
    }
    await pause(pauseMs);
    pauseMs = Math.min(pauseMs * 2, 50);
  }
}
