// Where the wall clock of one of our sweeps went, from the times that its results keep.
import { runKeys, runResultSchema, splitsSchema, sweepKeys } from "@saphena/contracts";
import type { RunResult, Splits, TrialRow } from "@saphena/contracts";
import { openStore } from "@saphena/object-store";
import type { Figures } from "./benchmark.ts";
import { figuresOf } from "./spread.ts";

export interface Bounds {
  submittedAtMs: number;
  finalAtMs: number;
  /** Slots that worked side by side. */
  lanes: number;
}

/** Seconds of wall clock: those that slots spend side by side are added up and divided by their number. */
export async function timesOf(storeUrl: string, sweep: string, trials: readonly TrialRow[], bounds: Bounds): Promise<Figures> {
  const { submittedAtMs, finalAtMs, lanes } = bounds;
  const store = await openStore(storeUrl);
  const read = async (key: string): Promise<unknown> => JSON.parse(new TextDecoder().decode(await store.get(key)));
  const splits = splitsSchema.parse(await read(sweepKeys.splits(sweep)));
  const results: RunResult[] = [];
  for (const { number: trial, folds } of trials)
    for (const { fold } of folds) results.push(runResultSchema.parse(await read(runKeys.result({ sweep, trial, fold }))));
  await store.close();

  const runs = results.map((result) => phasesOf(result, splits)).sort((a, b) => a.startedAtMs - b.startedAtMs);
  const perLane = (of: (run: Phases) => number): number => figuresOf(runs.reduce((total, run) => total + of(run), 0) / lanes);
  const firstStartMs = runs[0]!.startedAtMs;
  const lastEndMs = Math.max(...runs.map((run) => run.finishedAtMs));
  const inRuns = runs.reduce((total, run) => total + (run.finishedAtMs - run.startedAtMs), 0) / 1000 / lanes;
  return {
    submitToFirstStart: figuresOf((firstStartMs - submittedAtMs) / 1000),
    // The first run of each slot decodes and packs the dataset, too.
    preparationOfFirstRuns: runs.slice(0, lanes).map((run) => figuresOf(run.preparation)),
    preparationOfOtherRuns: runs.slice(lanes).map((run) => figuresOf(run.preparation)),
    preparation: perLane((run) => run.preparation),
    training: perLane((run) => run.training),
    validationAndFiles: perLane((run) => run.validationAndFiles),
    commitsAndIdle: figuresOf((lastEndMs - firstStartMs) / 1000 - inRuns),
    lastEndToFinal: figuresOf((finalAtMs - lastEndMs) / 1000),
  };
}

interface Phases {
  startedAtMs: number;
  finishedAtMs: number;
  /** Seconds from the claim to the first step: packing or looking for the pack, the trainer's start, the engine, opening the pack. */
  preparation: number;
  /** Seconds in training steps with their input. */
  training: number;
  /** Seconds of the trainer beside that. */
  validationAndFiles: number;
}

function phasesOf({ fold, epochs, timing }: RunResult, splits: Splits): Phases {
  const { startedAtMs, finishedAtMs, trainSeconds, imagesPerSecond } = timing;
  const images = splits.folds.find(({ outer }) => outer === fold)!.train.length * epochs;
  const training = images / imagesPerSecond!;
  const began = startedAtMs!;
  return {
    startedAtMs: began,
    finishedAtMs,
    preparation: (finishedAtMs - began) / 1000 - trainSeconds,
    training,
    validationAndFiles: trainSeconds - training,
  };
}
