// A run's result as the arguments `finish` and `settleRun` share.
import type { RunResult } from "@saphena/contracts";
import type { Argument } from "./connection.ts";
import { encodeOutcome } from "./events.ts";

/** state, reason, metrics, nonce, event */
export function resultArguments(result: RunResult): Argument[] {
  const event = encodeOutcome({ type: "runFinished", result });
  return [result.state, result.reason ?? "", JSON.stringify(result.metrics), result.nonce, event];
}
