// What the steps of one training share: the data, the network, where it stands, and whom to tell.
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { SaphenaError, assertClassWeightsFit, resolveAugmentation } from "@saphena/contracts";
import type { EngineFingerprint, EpochPoints, FromTrainer, TrainerStart } from "@saphena/contracts";
import { channelStatistics } from "@saphena/dataset";
import type { ChannelStatistics, Pack } from "@saphena/dataset";
import { createNetwork } from "@saphena/venet";
import type { Engine, Network, TrainingConfig } from "@saphena/venet";
import { identityOf, readCheckpoint } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { classWeightsOf } from "./class-weights.ts";
import { assertNoLeak } from "./fold.ts";
import type { Fold } from "./fold.ts";
import { openInput } from "./input/input.ts";
import type { Input } from "./input/input.ts";
import { requestsFrom } from "./input/requests.ts";
import { epochStart } from "./position.ts";
import type { Position } from "./position.ts";
import { openRunLog } from "./run-log.ts";
import type { RunLog } from "./run-log.ts";

/** What a training says while it runs; the last word is its return value. */
export type Report = (message: Extract<FromTrainer, { type: "started" | "progress" | "points" | "checkpoint" | "log" }>) => void;

/** Set `requested` from outside, at any time; it is read between two batches. */
export interface StopSignal {
  requested: "release" | "cancel" | null;
}

export interface TrainingParts {
  engine: Engine;
  pack: Pack;
  start: TrainerStart;
  report: Report;
  stop: StopSignal;
}

export interface Session extends Readonly<TrainingParts> {
  readonly fold: Fold;
  readonly statistics: ChannelStatistics;
  readonly network: Network;
  readonly log: RunLog;
  /** Fingerprints of the attempts before this one. */
  readonly earlierEngines: readonly EngineFingerprint[];
  /** Points of every completed epoch. */
  readonly history: EpochPoints[];
  position: Position;
  /** The position of the newest checkpoint; going back there loses nothing that is worth a new one. */
  saved: Position;
  /** What this attempt has trained, and how long that took. */
  readonly work: { images: number; seconds: number };
  /** Every batch from the position on to the end of the run, each epoch's training followed by its validation. */
  readonly input: Input;
  /** A path in the attempt's folder. */
  path(name: string): string;
}

/**
 * Checks all that was given, makes the network, and stands where the checkpoint left off. Without one, or when it cannot be used,
 * that is the beginning: the numbers come out the same, and the log says so.
 */
export async function openSession(parts: TrainingParts): Promise<Session> {
  const { engine, pack, start, report } = parts;
  const path = (name: string): string => join(start.outFolder, name);
  assertFits(pack, start);
  const fold = assertNoLeak(start.split, pack);
  const log = openRunLog(path("log.jsonl"), report);
  const network = createNetwork(engine, networkConfig(start), trainingConfig(start, pack, fold), start.seed);
  const earlier = await restore(start, network, log);
  const position = earlier?.position ?? epochStart(0);
  const statistics = earlier?.statistics ?? channelStatistics(pack, fold.train);
  return {
    ...parts,
    fold,
    statistics,
    network,
    log,
    earlierEngines: earlier?.fingerprints ?? [],
    history: [...(earlier?.history ?? [])],
    position,
    saved: position,
    work: { images: 0, seconds: 0 },
    path,
    input: openInput({
      source: pack,
      requests: requestsFrom(position, { start, pack, fold }),
      batchSize: start.train.batchSize,
      threads: start.inputThreads,
      seed: start.seed,
      augment: resolveAugmentation(start.train.augment),
      statistics,
    }),
  };
}

async function restore(start: TrainerStart, network: Network, log: RunLog): Promise<Checkpoint | null> {
  if (start.checkpoint === null) return null;
  try {
    const checkpoint = await readCheckpoint(start.checkpoint, identityOf(start));
    network.importState(checkpoint.tensors);
    return checkpoint;
  } catch (error) {
    if (!(error instanceof SaphenaError) || error.code !== "CHECKPOINT_INVALID") throw error;
    log("warn", `${error.message}; starting from the beginning`);
    return null;
  }
}

function networkConfig({ model, heads, labels, maskClasses }: TrainerStart): Network["config"] {
  const { depth, baseFilters, maxFilters, inputSize } = model;
  return { heads, depth, baseFilters, maxFilters, inputSize, channels: 3, classes: labels.length, maskClasses };
}

/** Throws SWEEP_FILE_INVALID when the class weights are not one a label: a sweep is checked at submit, a run by itself is not. */
function trainingConfig({ train, heads, labels }: TrainerStart, pack: Pack, fold: Fold): TrainingConfig {
  const { classWeights: setting, ...loss } = train.loss;
  if (heads !== "segmentation") assertClassWeightsFit(train, labels);
  const classWeights = heads === "segmentation" ? undefined : classWeightsOf(setting, pack, fold.train);
  const { optimizer, precision } = train;
  return { optimizer, precision, loss: classWeights === undefined ? loss : { ...loss, classWeights } };
}

/** The pack is made by the parent: another one than this run's is a fault of ours, never of a user. */
function assertFits(pack: Pack, { model, labels, maskClasses }: TrainerStart): void {
  const expected = { inputSize: model.inputSize, resize: model.resize, labelNames: labels, maskClasses };
  for (const [key, value] of Object.entries(expected)) {
    const packed = pack[key as keyof typeof expected];
    if (JSON.stringify(packed) !== JSON.stringify(value))
      throw new SaphenaError("INTERNAL", `the packed dataset has ${key} ${JSON.stringify(packed)}, the run ${JSON.stringify(value)}`);
  }
}

/** Lets the event loop serve messages and signals, then tells whether to stop. Called before every batch. */
export async function mustStop({ stop }: Session): Promise<boolean> {
  await setImmediate();
  return stop.requested !== null;
}
