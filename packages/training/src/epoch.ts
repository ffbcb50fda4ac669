// The steps of one epoch, from wherever the run stands in it.
import { trainingBatches } from "./input/requests.ts";
import { afterStep } from "./position.ts";
import { skippedStepMessage } from "./precision.ts";
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
 * Which images meet in a step, and how they are augmented, follows from seed and epoch alone. Throws LOSS_NOT_FINITE.
 */
export async function trainEpoch(session: Session): Promise<EpochEnd> {
  const { start, network, work, input } = session;
  const { train } = start;
  const { epoch: completed, step: first } = session.position;
  const epoch = completed + 1;
  const steps = trainingBatches(session, epoch).length;
  const rateOf = (step: number): number => learningRateAt(train.optimizer, completed * steps + step, steps, train.epochs);
  const learningRate = rateOf(steps - 1);
  const before = { ...work };
  const imagesPerSecond = (): number | null =>
    work.images === before.images ? null : (work.images - before.images) / (work.seconds - before.seconds);
  let reportedMs = performance.now();

  for (let step = first; step < steps; step++) {
    if (await mustStop(session)) return { stopped: true, learningRate, imagesPerSecond: imagesPerSecond() };
    const beganMs = performance.now();
    const batch = await input.next(); // ready, as a rule: it was made during the step before
    const losses = network.trainStep(batch, rateOf(step)); // images [n, side, side, 3]; waits for the losses
    session.position = afterStep(session.position, losses, batch.size);
    if (losses.overflow !== undefined) session.log("info", skippedStepMessage(epoch, step + 1, losses.overflow));
    const nowMs = performance.now();
    work.images += batch.size;
    work.seconds += (nowMs - beganMs) / 1000;
    if (nowMs - reportedMs < PROGRESS_EVERY_MS && step + 1 < steps) continue;
    reportedMs = nowMs;
    session.report({
      type: "progress",
      epoch,
      epochs: train.epochs,
      step: step + 1,
      steps,
      imagesPerSecond: imagesPerSecond() ?? 0,
    });
  }
  return { stopped: false, learningRate, imagesPerSecond: imagesPerSecond() };
}
