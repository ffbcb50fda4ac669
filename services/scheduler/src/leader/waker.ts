// Waiting that can be cut short: by a message, not by a poll.
import { setTimeout as sleep } from "node:timers/promises";

export class Waker {
  #woken = false;
  #resolve: (() => void) | null = null;

  wake(): void {
    this.#woken = true;
    this.#resolve?.();
  }

  /** Until woken (also when that was before the call) or `mostMs` have passed; never under `leastMs`. */
  async wait(mostMs: number, leastMs: number): Promise<void> {
    if (leastMs > 0) await sleep(leastMs);
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, mostMs - leastMs));
        this.#resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#resolve = null;
    this.#woken = false;
  }

  /** Whatever woke it before is covered by what the caller does next. */
  async pause(ms: number): Promise<void> {
    this.#woken = false;
    await sleep(ms);
  }
}
