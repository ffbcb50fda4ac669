// A submitted sweep in a program's hands: ask about it, wait for it.
import { isFinal } from "@saphena/contracts";
import type { BestReply, SweepAction, SweepStatus, TrialRow } from "@saphena/contracts";
import type { Client } from "./client.ts";
import { throughOutages } from "./outage.ts";
import type { OutageOptions } from "./outage.ts";
import { pause } from "./transport.ts";

export interface WaitOptions extends OutageOptions {
  /** Called with the first status and whenever it has changed. */
  onStatus?: (status: SweepStatus) => void;
  /** Ends the waiting (not the sweep): `wait` rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Default 1,000. */
  pollMs?: number;
}

export interface Sweep {
  readonly id: string;
  /** What the server noticed but accepted, such as a class with fewer groups than folds. */
  readonly warnings: readonly string[];
  status(): Promise<SweepStatus>;
  /** In order of their numbers. */
  trials(): Promise<TrialRow[]>;
  /** The best completed trial; null until there is one. */
  best(): Promise<BestReply["best"]>;
  action(action: SweepAction): Promise<SweepStatus>;
  /**
   * Resolves with the final status, whether completed, failed or cancelled. A server that cannot be reached for a while is asked again;
   * after `patienceMs` it rejects with SERVER_UNREACHABLE.
   */
  wait(options?: WaitOptions): Promise<SweepStatus>;
}

export function sweepHandle(client: Client, id: string, warnings: readonly string[] = []): Sweep {
  return {
    id,
    warnings,
    status: () => client.sweep(id),
    trials: () => client.trials(id),
    best: () => client.best(id),
    action: (action) => client.action(id, action),
    wait: (options) => waitUntilFinal(client, id, options),
  };
}

// Polling rather than the event stream: a status is small, and a proxy that buffers events cannot make it hang.
async function waitUntilFinal(client: Client, id: string, options: WaitOptions = {}): Promise<SweepStatus> {
  const { onStatus, signal, pollMs = 1_000 } = options;
  let before = "";
  for (;;) {
    const status = await throughOutages(() => client.sweep(id, signal), options);
    const now = JSON.stringify(status);
    if (now !== before) onStatus?.(status);
    before = now;
    if (isFinal(status.state)) return status;
    await pause(pollMs, signal);
  }
}
