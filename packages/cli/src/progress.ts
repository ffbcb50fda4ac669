// What `--watch` shows, as pure functions from a status and the workers to lines.
import { isFinal, parseRunId } from "@saphena/contracts";
import type { SweepStatus, WorkerStatus } from "@saphena/contracts";
import { formatDuration, formatScore, plural } from "./number-format.ts";

export interface ActiveSlot {
  worker: string;
  trial: number;
  fold: number;
  epoch: number;
  epochs: number;
  imagesPerSecond: number | null;
}

/** The slots that train runs of this sweep, in order of trial and fold. */
export function activeSlots(sweep: string, workers: readonly WorkerStatus[]): ActiveSlot[] {
  const slots = workers.flatMap((worker) =>
    worker.running.flatMap(({ run, epoch, epochs, imagesPerSecond }) => {
      const address = parseRunId(run);
      return address?.sweep === sweep
        ? [{ worker: worker.id, trial: address.trial, fold: address.fold, epoch, epochs, imagesPerSecond }]
        : [];
    }),
  );
  return slots.sort((a, b) => a.trial - b.trial || a.fold - b.fold);
}

/** Runs of the whole budget: what is final now is measured against what will have been done. */
export function runTotal({ trials, folds, runs }: SweepStatus): number {
  return Math.max(runs.total, trials.budget * folds);
}

function bestText({ best, objective }: SweepStatus): string | null {
  return best === null ? null : `best ${objective.metric} ${formatScore(best.value)} (trial ${best.trial})`;
}

function etaText({ etaSeconds, state }: SweepStatus): string | null {
  return etaSeconds === null || isFinal(state) ? null : `about ${formatDuration(etaSeconds)} left`;
}

const joined = (parts: readonly (string | null)[]): string => parts.filter((part) => part !== null).join(", ");
const stateText = ({ state, stopping }: SweepStatus): string => (stopping === null ? state : `${state} (stopping as ${stopping})`);

/** One line, for a log. */
export function progressLine(status: SweepStatus, slots: readonly ActiveSlot[]): string {
  const speeds = slots.flatMap(({ imagesPerSecond }) => (imagesPerSecond === null ? [] : [imagesPerSecond]));
  const speed =
    speeds.length === 0
      ? null
      : `${(speeds.reduce((a, b) => a + b, 0) / speeds.length).toFixed(1)} images/s a slot on ${plural(speeds.length, "slot")}`;
  const failed = status.trials.failed === 0 ? null : `${plural(status.trials.failed, "trial")} failed`;
  return joined([
    `${status.id} ${stateText(status)}: ${status.runs.final}/${runTotal(status)} runs done`,
    etaText(status),
    bestText(status),
    failed,
    speed,
  ]);
}

/** What makes a new line worth printing: everything but the clock and the speed. */
export function progressKey({ state, stopping, runs, best, trials }: SweepStatus): string {
  return JSON.stringify([state, stopping, runs.final, best, trials]);
}

const BAR_CELLS = 24;

/** Lines for a terminal, redrawn in place. */
export function progressScreen(status: SweepStatus, slots: readonly ActiveSlot[]): string[] {
  const total = runTotal(status);
  const filled = total === 0 ? 0 : Math.floor((BAR_CELLS * Math.min(status.runs.final, total)) / total);
  const bar = `${"█".repeat(filled)}${"░".repeat(BAR_CELLS - filled)}`;
  const { completed, failed, pruned, cancelled, budget } = status.trials;
  const trials = joined([
    `trials ${completed}/${budget} completed`,
    pruned === 0 ? null : `${pruned} pruned`,
    failed === 0 ? null : `${failed} failed`,
    cancelled === 0 ? null : `${cancelled} cancelled`,
  ]);
  // A worker tells what it does every few seconds, so the last runs of a final sweep would still stand there.
  const slotLines = (isFinal(status.state) ? [] : slots).map(
    ({ worker, trial, fold, epoch, epochs, imagesPerSecond }) =>
      `  trial ${trial} fold ${fold}  epoch ${Math.min(epoch + 1, epochs)}/${epochs}  ${imagesPerSecond === null ? "starting" : `${imagesPerSecond.toFixed(1)} images/s`}  ${worker}`,
  );
  const head = joined([`${status.id}  ${status.name}  ${stateText(status)}`, etaText(status)]);
  return [head, `${bar}  ${status.runs.final}/${total} runs`, joined([trials, bestText(status)]), ...slotLines];
}
