// What users do to a sweep after submitting it: pause, resume, cancel, more trials, failed trials again.
//
// An edit is logged before it is done, as every decision is: what the leader makes of it then stands behind it in the log, and an edit
// whose line cannot be written is not done, so that a client may ask again (N more trials are not added twice). Whether it may be done is
// looked at first; only when the sweep changed in between does Redis refuse a logged edit, and then a second line says so.
import { SaphenaError, isFinal } from "@saphena/contracts";
import type { Decision, LiveSweep, LiveTrial, SweepAction } from "@saphena/contracts";
import type { EditReply, LiveState, Retry } from "@saphena/queue";
import { suggestionCount, suggestionsLeft, usedUp } from "@saphena/sweep";
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
  await perform(parts, sweep, to, { action: to, trials: null }, () => parts.state.moveSweep(sweep.record.id, to));
}

function isSoAlready(sweep: LiveSweep, to: "pause" | "resume" | "cancel"): boolean {
  if (to === "cancel") return sweep.state === "cancelled" || sweep.stopping === "cancelled";
  if (sweep.stopping !== null) return false;
  return to === "pause" ? sweep.state === "paused" : sweep.state === "queued" || sweep.state === "running";
}

/** A sweep that failed is reopened with the trials that its end cancelled: they were made and counted, and never run. */
async function addTrials(parts: EditParts, sweep: LiveSweep, trials: number): Promise<void> {
  const what = `resume with ${trials} more trials`;
  await assertMayGrow(parts, sweep, what);
  const { parameters, sampler } = sweep.record.spec;
  const retries = sweep.trialsCancelled === 0 ? [] : await retriesOf(parts.state, sweep, ["cancelled"]);
  if (suggestionsLeft(sweep, suggestionCount(parameters, sampler)) + retries.length === 0)
    throw new SaphenaError("SWEEP_STATE", `cannot ${what} ${sweep.record.id}: its grid has no combination left`, {
      hint: "submit a sweep with a larger grid",
    });
  await perform(parts, sweep, what, { action: "addTrials", trials }, () => parts.state.addTrials(sweep.record.id, trials, retries));
}

/** Every trial that failed, or was cancelled when the sweep failed, becomes a new trial with its parameters, unless it was tried again before. */
async function retryFailed(parts: EditParts, sweep: LiveSweep): Promise<void> {
  await assertMayGrow(parts, sweep, "retry");
  const retries = await retriesOf(parts.state, sweep, ["failed", "cancelled"]);
  if (retries.length === 0)
    throw new SaphenaError("SWEEP_STATE", `${sweep.record.id} has no failed trial that was not tried again already`);
  const edit: Edit = { action: "retryFailed", trials: retries.length };
  await perform(parts, sweep, "retry", edit, () => parts.state.addTrials(sweep.record.id, 0, retries));
}

/** A time budget that is used up cannot be raised: whatever is added would never start. */
async function assertMayGrow({ state }: EditParts, sweep: LiveSweep, what: string): Promise<void> {
  if (sweep.state === "cancelled" || sweep.stopping !== null) throw wrongState(sweep, what);
  const used = usedUp(sweep, await state.nowMs());
  if (used !== null)
    throw new SaphenaError(
      "SWEEP_STATE",
      `cannot ${what} ${sweep.record.id}: its budget.${used} ${sweep.record.spec.budget[used]} is used up`,
      {
        hint: `submit a new sweep with a larger budget.${used}`,
      },
    );
}

async function retriesOf(state: LiveState, sweep: LiveSweep, states: readonly LiveTrial["state"][]): Promise<Retry[]> {
  const trials: LiveTrial[] = [];
  for (let from = 0; from < sweep.trialsCreated; from += TRIALS_A_READ) {
    const numbers = Array.from({ length: Math.min(TRIALS_A_READ, sweep.trialsCreated - from) }, (_, i) => from + i);
    trials.push(...(await state.trials(sweep.record.id, numbers)));
  }
  const retried = new Set([...sweep.retries.map((retry) => retry.retryOf), ...trials.map((trial) => trial.retryOf)]);
  return trials
    .filter((trial) => states.includes(trial.state) && !retried.has(trial.number))
    .map((trial) => ({ retryOf: trial.number, parameters: trial.parameters }));
}

async function perform(
  { state, decisions }: EditParts,
  sweep: LiveSweep,
  what: string,
  edit: Edit,
  effect: () => Promise<EditReply>,
): Promise<void> {
  const { id } = sweep.record;
  await decisions.appendEdit(id, { type: "sweepEdited", ...edit, atMs: await state.nowMs() });
  const reply = await effect();
  if (reply === "ok") return;
  await decisions.appendEdit(id, { type: "sweepEditRefused", ...edit, atMs: await state.nowMs() });
  if (reply === "unknown") throw new SaphenaError("SWEEP_NOT_FOUND", id);
  throw wrongState((await state.sweep(id)) ?? sweep, what);
}

function wrongState(sweep: LiveSweep, what: string): SaphenaError {
  const now = sweep.stopping === null ? sweep.state : `being ${sweep.stopping === "cancelled" ? "cancelled" : "wound down as failed"}`;
  const hint = sweep.state === "completed" || sweep.state === "failed" ? { hint: "`saphena resume SWEEP --trials +N` reopens it" } : {};
  return new SaphenaError("SWEEP_STATE", `cannot ${what} ${sweep.record.id}, it is ${now}`, hint);
}
