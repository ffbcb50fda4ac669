// The learning rate of each step.
import type { TrainConfig } from "@saphena/contracts";

const POLY_POWER = 0.9;

type Schedule = Pick<TrainConfig["optimizer"], "learningRate" | "schedule" | "warmupEpochs" | "minLearningRateShare">;

/**
 * `step` counts from 0 over the whole run of `epochs` × `stepsPerEpoch` steps. With W = warmupEpochs·stepsPerEpoch, rounded:
 *
 *   step < W:  rate = learningRate · (step + 1)/(W + 1)
 *   step ≥ W:  rate = learningRate · (m + (1 - m)·c(t)),  t = (step - W)/(steps - W),  m = minLearningRateShare,
 *              c(t) = (1 - t)^0.9 (poly, nnU-Net's), (1 + cos πt)/2 (cosine), or 1 whatever m (constant)
 *
 * In PyTorch's terms SequentialLR([LinearLR(1/(W+1), 1, W), PolynomialLR(steps-W, 0.9) or CosineAnnealingLR(steps-W, m·learningRate)], [W]).
 */
export function learningRateAt(schedule: Schedule, step: number, stepsPerEpoch: number, epochs: number): number {
  const { learningRate, warmupEpochs } = schedule;
  const warmup = Math.round(warmupEpochs * stepsPerEpoch);
  if (step < warmup) return (learningRate * (step + 1)) / (warmup + 1);
  if (schedule.schedule === "constant") return learningRate;
  const least = learningRate * schedule.minLearningRateShare;
  return least + (learningRate - least) * shareAt(schedule.schedule, (step - warmup) / (epochs * stepsPerEpoch - warmup));
}

function shareAt(curve: Exclude<Schedule["schedule"], "constant">, t: number): number {
  switch (curve) {
    case "poly":
      return (1 - t) ** POLY_POWER;
    case "cosine":
      return (1 + Math.cos(Math.PI * t)) / 2;
  }
}
