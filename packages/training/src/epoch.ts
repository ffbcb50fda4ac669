// The steps of one epoch, from wherever the run stands in it.
import { epochOrder, fillBatch, trainingSlices } from "@saphena/dataset";
import { afterStep } from "./position.ts";
import { learningRateAt } from "./schedule.ts";
import { mustStop } from "./session.ts";
import type { Session } from "./session.ts";

const PROGRESS_EVERY_MS = 1000;

export interface EpochEnd {
  stopped: boolean;
  /** Rate of the epoch's last step. */
  learningRate: number;
  /** null when nothing was left to do but validate. */
  imagesPerSecond: number | null;
}

/**
 * Trains to the end of the epoch, or to the next step boundary after a stop request, moving `session.position` with every step.
 * Which images meet in a step, and how they are mirrored, follows from seed and epoch alone. Throws LOSS_NOT_FINITE.
 */
export async function trainEpoch(session: Session): Promise<EpochEnd> {
  const { start, pack, fold, statistics, network, work } = session;
  const { seed, train } = start;
  const { epoch: completed, step: first } = session.position;
  const epoch = completed + 1;
  const slices = trainingSlices(epochOrder(seed, epoch, fold.train, train.sampling === "balanced" ? pack.labels : null), train.batchSize);
  const rateOf = (step: number): number => learningRateAt(train.optimizer, completed * slices.length + step, slices.length, train.epochs);
  const learningRate = rateOf(slices.length - 1);
  const before = { ...work };
  const imagesPerSecond = (): number | null =>
    work.images === before.images ? null : (work.images - before.images) / (work.seconds - before.seconds);
  let reportedMs = performance.now();

  for (let step = first; step < slices.length; step++) {
    if (await mustStop(session)) return { stopped: true, learningRate, imagesPerSecond: imagesPerSecond() };
    const beganMs = performance.now();
    const indices = slices[step]!;
    const batch = fillBatch(pack, indices, { seed, epoch, augment: train.augment, statistics }, session.batch(indices.length));
    const losses = network.trainStep(batch, rateOf(step)); // images [n, side, side, 3]; waits for the losses
    session.position = afterStep(session.position, losses, batch.size);
    const nowMs = performance.now();
    work.images += batch.size;
    work.seconds += (nowMs - beganMs) / 1000;
    if (nowMs - reportedMs < PROGRESS_EVERY_MS && step + 1 < slices.length) continue;
    reportedMs = nowMs;
    session.report({
      type: "progress",
      epoch,
      epochs: train.epochs,
      step: step + 1,
      steps: slices.length,
      imagesPerSecond: imagesPerSecond() ?? 0,
    });
  }
  return { stopped: false, learningRate, imagesPerSecond: imagesPerSecond() };
}
