// The learning rate of each step.
import type { TrainConfig } from "@saphena/contracts";

const POLY_POWER = 0.9;

/** `step` counts from 0 over the whole run. poly: learningRate · (1 - step/steps)^0.9, nnU-Net's. */
export function learningRateAt({ learningRate, schedule }: TrainConfig["optimizer"], step: number, steps: number): number {
  switch (schedule) {
    case "constant":
      return learningRate;
    case "poly":
      return learningRate * (1 - step / steps) ** POLY_POWER;
  }
}
