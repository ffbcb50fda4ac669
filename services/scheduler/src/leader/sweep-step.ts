// Second step of a pass, for one sweep: settle trials that ended, then make new ones, stop, or end the sweep. All of it is decided first,
// logged in one segment, then done; doing it again after a crash changes nothing.
import { isFinal, runId } from "@saphena/contracts";
import type { Decision, LiveRun, LiveSweep, LiveTrial } from "@saphena/contracts";
import { decideSweep, decideTrial, isBetter, planTrials, suggestionCount } from "@saphena/sweep";
import type { BestTrial, PlannedTrial, SweepDecision, TrialDecision } from "@saphena/sweep";
import type { LeaderParts } from "./parts.ts";

type Settlement = Extract<TrialDecision, { kind: "settle" }> & { trial: number; best: boolean };
type Stop = Extract<TrialDecision, { kind: "stop" }> & { trial: number };

export interface SweepPlan {
  settlements: Settlement[];
  stops: Stop[];
  sweep: SweepDecision;
  created: PlannedTrial[];
}

/** Pure. `trials` are those whose runs ended since the last pass, with all their runs. */
export function planSweep(sweep: LiveSweep, trials: readonly { trial: LiveTrial; runs: LiveRun[] }[], nowMs: number): SweepPlan {
  const { spec } = sweep.record;
  const settlements: Settlement[] = [];
  const stops: Stop[] = [];
  let best: BestTrial | null =
    sweep.bestTrial === null || sweep.bestValue === null ? null : { trial: sweep.bestTrial, value: sweep.bestValue };
  for (const { trial, runs } of [...trials].sort((a, b) => a.trial.number - b.trial.number)) {
    const decision = decideTrial(trial, runs, spec.objective);
    if (decision.kind === "stop") stops.push({ ...decision, trial: trial.number });
    if (decision.kind !== "settle") continue;
    const candidate = decision.state === "completed" && decision.value !== null ? { trial: trial.number, value: decision.value } : null;
    const isBest = candidate !== null && isBetter(candidate, best, spec.objective.goal);
    if (isBest) best = candidate;
    settlements.push({ ...decision, trial: trial.number, best: isBest });
  }
  const after = withSettled(sweep, settlements);
  const decision = decideSweep(after, suggestionCount(spec.parameters, spec.sampler), nowMs);
  // Random and grid look at no history; an adaptive sampler will be given it here.
  const created = decision.kind === "create" ? planTrials(after, decision.trials, []) : [];
  return { settlements, stops, sweep: decision, created };
}

/** The counters as they will be once the settlements are made. */
function withSettled(sweep: LiveSweep, settlements: readonly Settlement[]): LiveSweep {
  const count = (state: Settlement["state"]): number => settlements.filter((one) => one.state === state).length;
  return {
    ...sweep,
    trialsCompleted: sweep.trialsCompleted + count("completed"),
    trialsPruned: sweep.trialsPruned + count("pruned"),
    trialsFailed: sweep.trialsFailed + count("failed"),
    trialsCancelled: sweep.trialsCancelled + count("cancelled"),
  };
}

/** Pure. The lines of the log. */
export function logLines(sweep: LiveSweep, plan: SweepPlan, atMs: number): Decision[] {
  const settled = plan.settlements.map(({ trial, state, reason, value, rule }): Decision => ({
    type: "trialSettled",
    trial,
    state,
    reason,
    value,
    rule,
    atMs,
  }));
  const created = plan.created.map(({ parameters, rule, retryOf }, i): Decision => ({
    type: "trialCreated",
    trial: sweep.trialsCreated + i,
    parameters,
    rule,
    retryOf,
    atMs,
  }));
  const end: Decision[] =
    plan.sweep.kind === "settle"
      ? [{ type: "sweepSettled", state: plan.sweep.state, reason: plan.sweep.reason, rule: plan.sweep.rule, atMs }]
      : [];
  return [...settled, ...created, ...end];
}

/** "more": done, and there is more to do at once; "again": another writer or a user's action was in between, the sweep is to be read anew. */
export type StepOutcome = "done" | "more" | "again";

export async function stepSweep(parts: LeaderParts, sweep: LiveSweep, ended: readonly number[], nowMs: number): Promise<StepOutcome> {
  const trials = await loadTrials(parts, sweep, ended);
  const plan = planSweep(sweep, trials, nowMs);
  const lines = logLines(sweep, plan, nowMs);
  let segment: number | null = null;
  if (lines.length > 0) {
    segment = await parts.decisions.append(sweep.record.id, lines);
    if (segment === null) return "again";
  }
  const outcome = await perform(parts, sweep, plan);
  if (segment !== null && outcome !== "again") await parts.queue.setLogSegments(sweep.record.id, segment);
  if (sweep.stopping !== null) await stopOpenTrials(parts, sweep);
  return outcome;
}

async function loadTrials(
  { state }: LeaderParts,
  sweep: LiveSweep,
  numbers: readonly number[],
): Promise<{ trial: LiveTrial; runs: LiveRun[] }[]> {
  if (numbers.length === 0) return [];
  const { id, folds } = sweep.record;
  const ids = numbers.flatMap((trial) => Array.from({ length: folds }, (_, fold) => runId({ sweep: id, trial, fold })));
  const [trials, runs] = await Promise.all([state.trials(id, [...numbers]), state.runs(ids)]);
  const existing = runs.filter((run) => run !== null);
  return trials.map((trial) => ({ trial, runs: existing.filter((run) => run.trial === trial.number) }));
}

async function perform(parts: LeaderParts, sweep: LiveSweep, plan: SweepPlan): Promise<StepOutcome> {
  const { queue } = parts;
  const id = sweep.record.id;
  // In one go: commands of one tick are carried out in their order, so the sweep's own comes after its trials'.
  const trials = [
    ...plan.stops.map(({ trial, why, reason }) => queue.stopTrial(id, trial, why, reason)),
    ...plan.settlements.map(({ trial, state, reason, value, best }) => queue.settleTrial(id, trial, { state, reason, value, best })),
  ];
  const [outcome] = await Promise.all([performOnSweep(parts, sweep, plan), ...trials]);
  return outcome;
}

async function performOnSweep(parts: LeaderParts, sweep: LiveSweep, plan: SweepPlan): Promise<StepOutcome> {
  const { queue, log } = parts;
  const id = sweep.record.id;
  switch (plan.sweep.kind) {
    case "wait":
      return "done";
    case "create": {
      const trials = plan.created.map(({ parameters, retryOf }) => ({ parameters, retryOf }));
      return (await queue.createTrials(id, sweep.trialsCreated, trials)) === "created" ? "more" : "again";
    }
    case "stopUnstarted":
      await stopUnstarted(parts, id, plan.sweep.reason);
      return "done";
    case "stop":
      log.warn({ sweep: id, reason: plan.sweep.reason }, "sweep winds down");
      await queue.stopSweep(id, "failed", plan.sweep.reason);
      return "more";
    case "settle": {
      const reply = await queue.settleSweep(id, plan.sweep.state, plan.sweep.reason, { trialBudget: sweep.trialBudget });
      log.info({ sweep: id, state: plan.sweep.state, reason: plan.sweep.reason, reply }, "sweep ended");
      return reply === "settled" ? "done" : "again";
    }
  }
}

/** Whether a run has started since the trials were read is looked at again by the command itself. */
async function stopUnstarted({ state, queue }: LeaderParts, sweep: string, reason: string): Promise<void> {
  const trials = await state.trials(sweep, await state.openTrials(sweep));
  const unstarted = trials.filter((trial) => trial.state === "queued" && trial.stopping === null);
  await Promise.all(unstarted.map((trial) => queue.stopTrial(sweep, trial.number, "cancelled", reason, "unstarted")));
}

/** A sweep that winds down: its open trials are cancelled, their queued runs parked and their running ones told. */
async function stopOpenTrials({ state, queue }: LeaderParts, sweep: LiveSweep): Promise<void> {
  const id = sweep.record.id;
  const trials = await state.trials(id, await state.openTrials(id));
  const reason = sweep.reason ?? (sweep.stopping === "failed" ? "the sweep failed" : "the sweep was cancelled");
  const going = trials.filter((trial) => trial.stopping === null && !isFinal(trial.state));
  await Promise.all(going.map((trial) => queue.stopTrial(id, trial.number, "cancelled", reason)));
}
