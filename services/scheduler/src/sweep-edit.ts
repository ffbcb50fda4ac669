// What users do to a sweep after submitting it: pause, resume, cancel, more trials, failed trials again. Logged before it is done.
import { SaphenaError, isFinal } from "@saphena/contracts";
import type { Decision, LiveSweep, LiveTrial, SweepAction } from "@saphena/contracts";
import type { EditReply, LiveState, Retry } from "@saphena/queue";
import type { DecisionLog } from "./decision-log.ts";

export interface EditParts {
  state: LiveState;
  decisions: DecisionLog;
}

type Edit = Omit<Extract<Decision, { type: "sweepEdited" }>, "type" | "atMs">;
const TRIALS_A_READ = 500;

/** Throws SWEEP_NOT_FOUND, SWEEP_STATE. What is so already (pausing a paused sweep) is fine. */
export async function editSweep(parts: EditParts, id: string, action: SweepAction): Promise<void> {
  const sweep = await parts.state.sweep(id);
  if (sweep === null) throw new SaphenaError("SWEEP_NOT_FOUND", id);
  switch (action.action) {
    case "pause":
    case "cancel":
      return moveSweep(parts, sweep, action.action);
    case "resume":
      return action.addTrials === undefined ? moveSweep(parts, sweep, "resume") : addTrials(parts, sweep, action.addTrials);
    case "retryFailed":
      return retryFailed(parts, sweep);
  }
}

async function moveSweep(parts: EditParts, sweep: LiveSweep, to: "pause" | "resume" | "cancel"): Promise<void> {
  if (isSoAlready(sweep, to)) return;
  if (isFinal(sweep.state) || sweep.stopping !== null) throw wrongState(sweep, to);
  await logEdit(parts, sweep, { action: to, trials: null });
  expectOk(await parts.state.moveSweep(sweep.record.id, to), sweep, to);
}

function isSoAlready(sweep: LiveSweep, to: "pause" | "resume" | "cancel"): boolean {
  if (to === "cancel") return sweep.state === "cancelled" || sweep.stopping === "cancelled";
  if (sweep.stopping !== null) return false;
  return to === "pause" ? sweep.state === "paused" : sweep.state === "queued" || sweep.state === "running";
}

async function addTrials(parts: EditParts, sweep: LiveSweep, trials: number): Promise<void> {
  const what = `resume with ${trials} more trials`;
  if (sweep.state === "cancelled" || sweep.stopping !== null) throw wrongState(sweep, what);
  await logEdit(parts, sweep, { action: "addTrials", trials });
  expectOk(await parts.state.addTrials(sweep.record.id, trials), sweep, what);
}

/** Every failed trial that was not tried again before becomes a new trial with its parameters. */
async function retryFailed(parts: EditParts, sweep: LiveSweep): Promise<void> {
  if (sweep.state === "cancelled" || sweep.stopping !== null) throw wrongState(sweep, "retry");
  const retries = await failedTrials(parts.state, sweep);
  if (retries.length === 0)
    throw new SaphenaError("SWEEP_STATE", `${sweep.record.id} has no failed trial that was not tried again already`);
  await logEdit(parts, sweep, { action: "retryFailed", trials: retries.length });
  expectOk(await parts.state.addRetries(sweep.record.id, retries), sweep, "retry");
}

async function failedTrials(state: LiveState, sweep: LiveSweep): Promise<Retry[]> {
  const trials: LiveTrial[] = [];
  for (let from = 0; from < sweep.trialsCreated; from += TRIALS_A_READ) {
    const numbers = Array.from({ length: Math.min(TRIALS_A_READ, sweep.trialsCreated - from) }, (_, i) => from + i);
    trials.push(...(await state.trials(sweep.record.id, numbers)));
  }
  const retried = new Set([...sweep.retries.map((retry) => retry.retryOf), ...trials.map((trial) => trial.retryOf)]);
  return trials
    .filter((trial) => trial.state === "failed" && !retried.has(trial.number))
    .map((trial) => ({ retryOf: trial.number, parameters: trial.parameters }));
}

async function logEdit({ state, decisions }: EditParts, sweep: LiveSweep, edit: Edit): Promise<void> {
  await decisions.appendEdit(sweep.record.id, { type: "sweepEdited", ...edit, atMs: await state.nowMs() });
}

function expectOk(reply: EditReply, sweep: LiveSweep, what: string): void {
  if (reply === "unknown") throw new SaphenaError("SWEEP_NOT_FOUND", sweep.record.id);
  if (reply === "wrong-state") throw wrongState(sweep, what);
}

function wrongState(sweep: LiveSweep, what: string): SaphenaError {
  const now = sweep.stopping === null ? sweep.state : `being ${sweep.stopping === "cancelled" ? "cancelled" : "wound down as failed"}`;
  const hint = sweep.state === "completed" || sweep.state === "failed" ? { hint: "`saphena resume SWEEP --trials +N` reopens it" } : {};
  return new SaphenaError("SWEEP_STATE", `cannot ${what} ${sweep.record.id}, it is ${now}`, hint);
}
