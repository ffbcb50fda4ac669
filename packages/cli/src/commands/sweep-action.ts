// What pause, resume, cancel and retry share: do it, then say in which state the sweep is.
import type { SweepAction } from "@saphena/contracts";
import { connect } from "../connection.ts";
import { plural } from "../number-format.ts";
import { resolveSweep } from "../sweep-reference.ts";
import { printData, say } from "../terminal.ts";

export async function actOnSweep(reference: string, action: SweepAction): Promise<void> {
  const client = connect();
  const id = await resolveSweep(client, reference);
  const status = await client.action(id, action);
  printData(`${id} ${status.state}`);
  if (action.action === "retryFailed" || (action.action === "resume" && action.addTrials !== undefined))
    say(`its budget is now ${plural(status.trials.budget, "trial")}`);
  if (status.stopping === null) return;
  const running = status.runs.running === 0 ? "" : `; ${plural(status.runs.running, "running run")} stopped first, what is finished stays`;
  say(`it will be ${status.stopping}${running}`);
}
