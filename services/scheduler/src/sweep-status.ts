// The status of a sweep as users see it, from its live record.
import { isFinal } from "@saphena/contracts";
import type { LiveSweep, SweepStatus } from "@saphena/contracts";
import { suggestionCount } from "@saphena/sweep";

/** Pure. `nowMs` is Redis time. */
export function sweepStatus(sweep: LiveSweep, nowMs: number): SweepStatus {
  const { id, spec, dataset, folds } = sweep.record;
  const total = plannedTrials(sweep) * folds;
  return {
    id,
    name: spec.name,
    state: sweep.state,
    stopping: sweep.stopping,
    reason: sweep.reason,
    dataset: `${dataset.name}@${dataset.hash.slice(0, 12)}`,
    objective: spec.objective,
    folds,
    submittedAtMs: sweep.submittedAtMs,
    finishedAtMs: sweep.finishedAtMs,
    trials: {
      budget: sweep.trialBudget,
      created: sweep.trialsCreated,
      completed: sweep.trialsCompleted,
      pruned: sweep.trialsPruned,
      failed: sweep.trialsFailed,
      cancelled: sweep.trialsCancelled,
    },
    runs: { total, queued: Math.max(0, total - sweep.runsRunning - sweep.runsFinal), running: sweep.runsRunning, final: sweep.runsFinal },
    etaSeconds: etaSeconds(sweep, total, nowMs),
    best: sweep.bestTrial === null || sweep.bestValue === null ? null : { trial: sweep.bestTrial, value: sweep.bestValue },
  };
}

/** Trials the sweep will have: those it has once it is winding down, else its budget or the whole grid. */
function plannedTrials(sweep: LiveSweep): number {
  if (isFinal(sweep.state) || sweep.stopping !== null) return sweep.trialsCreated;
  const { parameters, sampler } = sweep.record.spec;
  const suggestions = suggestionCount(parameters, sampler);
  const most = suggestions === null ? sweep.trialBudget : Math.min(sweep.trialBudget, suggestions + sweep.trialsRetried);
  return Math.max(sweep.trialsCreated, most);
}

/** Runs left over the rate at which runs ended since the first trial. */
function etaSeconds(sweep: LiveSweep, total: number, nowMs: number): number | null {
  if (isFinal(sweep.state)) return 0;
  if (sweep.state === "paused" || sweep.runsFinal === 0 || sweep.startedAtMs === null) return null;
  const elapsedSeconds = Math.max(0, nowMs - sweep.startedAtMs) / 1000;
  return ((total - sweep.runsFinal) * elapsedSeconds) / sweep.runsFinal;
}
