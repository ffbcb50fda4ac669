// The recipe: trains one run from its fold to its result files, and can stop and go on at any step with not one bit changed.
// The network is packages/venet, the data packages/dataset; each step named here is in the file it is imported from, or below.
import { SCHEMA_VERSION } from "@saphena/contracts";
import type { FromTrainer } from "@saphena/contracts";
import { identityOf, otherFingerprints, withFingerprint, writeCheckpoint } from "./checkpoint.ts";
import { trainEpoch } from "./epoch.ts";
import type { EpochEnd } from "./epoch.ts";
import { epochStart, meanLosses } from "./position.ts";
import { precisionNotice } from "./precision.ts";
import { describeFile, writeMetrics, writeModel, writePredictions } from "./result-files.ts";
import { epochPoints, runMetrics, scoreRows } from "./scores.ts";
import { openSession } from "./session.ts";
import type { Session, TrainingParts } from "./session.ts";
import { validate } from "./validate.ts";
import type { PredictionRow } from "./validate.ts";

/** How a training ends when it does not throw: the message to send. */
export type TrainingEnd = Extract<FromTrainer, { type: "finished" | "stopped" }>;

/**
 * Trains the run that `start` describes on its packed dataset and writes to `start.outFolder`: checkpoints on the way (each reported
 * once it is complete; whoever takes them removes them), result files at the end. With a checkpoint it goes on from there.
 *
 * A stop request is honoured between two batches. A release first writes a checkpoint of that very step, in the middle of an epoch
 * too; a cancel writes nothing. All scores are those of the final epoch's weights.
 * Throws SaphenaError: SPLIT_LEAK, SPLIT_IMPOSSIBLE, LOSS_NOT_FINITE, MODEL_CONFIG_INVALID, PRECISION_UNSUPPORTED; INTERNAL when the pack
 * is not the one meant.
 */
export async function train(parts: TrainingParts): Promise<TrainingEnd> {
  const beganMs = performance.now();
  const session = await openSession(parts);
  try {
    announce(session);
    for (;;) {
      const trained = await trainEpoch(session);
      const rows = trained.stopped ? null : await validate(session);
      if (rows === null) return await stopEarly(session);
      completeEpoch(session, trained, rows);
      if (session.position.epoch === parts.start.train.epochs) return await finish(session, rows, beganMs);
      if (session.position.epoch % parts.start.checkpointEvery === 0) await saveCheckpoint(session);
    }
  } finally {
    await session.input.close();
    session.network.dispose();
  }
}

function announce(session: Session): void {
  const { engine, network, fold, position, earlierEngines, log } = session;
  const { fingerprint } = engine;
  const resumedFrom = otherFingerprints(earlierEngines, fingerprint);
  session.report({ type: "started", fingerprint, parameterCount: network.parameterCount, firstEpoch: position.epoch + 1, resumedFrom });
  log("info", `training on ${fold.train.length} images, validating on ${fold.validation.length}, ${network.parameterCount} parameters`);
  if (engine.notice !== null) log("warn", engine.notice);
  const slow = precisionNotice(session.start.train.precision, engine.half);
  if (slow !== null) log("warn", slow);
  const emptied = emptiedMasks(session.pack);
  if (emptied !== null) log("warn", emptied);
  if (position.epoch + position.step > 0) log("info", `going on after epoch ${position.epoch} and ${position.step} steps`);
  if (resumedFrom.length > 0) log("warn", "earlier steps were done on another kind of engine: numbers may differ in their last digits");
}

const MOST_NAMED = 5;

/** Said in every run, also when the dataset was packed for one before it: such images teach that there is no lesion where there is one. */
function emptiedMasks({ emptiedMasks: ids, inputSize }: TrainingParts["pack"]): string | null {
  if (ids.length === 0) return null;
  const named = ids.slice(0, MOST_NAMED).join(", ") + (ids.length > MOST_NAMED ? ", …" : "");
  const what = ids.length === 1 ? "1 mask has" : `${ids.length} masks have`;
  return `${what} no foreground left at ${inputSize} px, which is taken for no lesion: ${named}; a larger model.inputSize keeps small lesions`;
}

/** The epoch's points, into the history first: a checkpoint written from here on holds them. */
function completeEpoch(session: Session, trained: EpochEnd, rows: readonly PredictionRow[]): void {
  const { start, network, position, history, log } = session;
  const epoch = position.epoch + 1;
  const points = epochPoints(epoch, { ...trained, losses: meanLosses(position), scores: scoreRows(rows, network.config) });
  history.push(points);
  session.position = epochStart(epoch);
  session.report({ type: "points", points });
  const figures = Object.entries(points.values).map(([name, value]) => `${name} ${value.toPrecision(4)}`);
  log("info", `epoch ${epoch} of ${start.train.epochs}: ${figures.join(", ")}`);
}

async function saveCheckpoint(session: Session): Promise<void> {
  const { start, engine, network, position, statistics, history } = session;
  const state = { schemaVersion: SCHEMA_VERSION, identity: identityOf(start), position, statistics, history } as const;
  const fingerprints = withFingerprint(session.earlierEngines, engine.fingerprint);
  const file = await writeCheckpoint(start.outFolder, { ...state, fingerprints, tensors: network.exportState() });
  session.saved = position;
  session.report({ type: "checkpoint", epoch: position.epoch, file });
}

async function stopEarly(session: Session): Promise<TrainingEnd> {
  const how = session.stop.requested ?? "cancel";
  if (how === "release" && session.position !== session.saved) await saveCheckpoint(session);
  return { type: "stopped", how, epoch: session.position.epoch };
}

async function finish(session: Session, rows: readonly PredictionRow[], beganMs: number): Promise<TrainingEnd> {
  const { start, engine, network, history, work, log, path } = session;
  const metrics = runMetrics(scoreRows(rows, network.config));
  const files = [
    await writeMetrics(path("metrics.parquet"), history),
    await writePredictions(path("predictions.parquet"), rows, start),
    await writeModel(path("model.safetensors"), network.exportState(), session, metrics),
  ];
  log("info", `finished after ${start.train.epochs} epochs`);
  files.push(await describeFile(path("log.jsonl"), "log"));
  return {
    type: "finished",
    epochs: start.train.epochs,
    metrics,
    files,
    trainSeconds: (performance.now() - beganMs) / 1000,
    imagesPerSecond: work.images === 0 ? null : work.images / work.seconds,
    fingerprint: engine.fingerprint,
    resumedFrom: otherFingerprints(session.earlierEngines, engine.fingerprint),
  };
}
