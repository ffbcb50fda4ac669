// After taking over, and after any pass that broke off: what the log tells and Redis has not seen is carried out first.
import type { Decision, LiveSweep } from "@saphena/contracts";
import type { LeaderParts } from "./parts.ts";

type TrialCreated = Extract<Decision, { type: "trialCreated" }>;

/** Pure. The created trials of the log that Redis lacks, from the next number on without a gap. A number seen twice: the first line holds. */
export function pendingCreations(decisions: readonly Decision[], trialsCreated: number): TrialCreated[] {
  const byNumber = new Map<number, TrialCreated>();
  for (const decision of decisions)
    if (decision.type === "trialCreated" && !byNumber.has(decision.trial)) byNumber.set(decision.trial, decision);
  const pending: TrialCreated[] = [];
  for (let next = byNumber.get(trialsCreated); next !== undefined; next = byNumber.get(next.trial + 1)) pending.push(next);
  return pending;
}

/**
 * Carries out logged creations, and names the trials that may have to be settled: all open ones, since the list of those was perhaps
 * taken and not worked off. Settlements need no replay: deciding again gives the same.
 */
export async function recoverSweep({ state, queue, decisions, log }: LeaderParts, sweep: LiveSweep): Promise<{ openTrials: number[] }> {
  const id = sweep.record.id;
  const logged = await decisions.readAfter(id, sweep.logSegments);
  const pending = pendingCreations(logged.decisions, sweep.trialsCreated);
  let made = true;
  if (pending.length > 0) {
    const trials = pending.map(({ parameters, retryOf }) => ({ parameters, retryOf }));
    const reply = await queue.createTrials(id, sweep.trialsCreated, trials);
    made = reply === "created";
    log.info({ sweep: id, trials: pending.map((one) => one.trial), reply }, "trials of the decision log that were not made yet");
  }
  // While the sweep is stopping they cannot be made; their segments stay unapplied, for the day it is reopened.
  if (made && logged.highest > sweep.logSegments) await queue.setLogSegments(id, logged.highest);
  return { openTrials: await state.openTrials(id) };
}
