// What the user of a run should know about half precision: whether it gains anything here, and which steps it cost.
import type { TrainConfig } from "@saphena/contracts";
import type { Engine, StepResult } from "@saphena/venet";

/** Said at the start of a run whose precision makes it slower, not faster; null where there is nothing to say. */
export function precisionNotice(precision: TrainConfig["precision"], half: Engine["half"]): string | null {
  if (precision === "float32" || half[precision] !== "slow") return null;
  return precision === "bfloat16"
    ? "train.precision bfloat16 is several times slower than float32 on this processor, which has no instructions for it (avx512_bf16 or AMX)"
    : "train.precision float16 is about 9 times slower than float32 on a CPU; it is meant for GPUs";
}

/** Said of every step that changed nothing; `step` is counted from 1. A few after the start and one in thousands are usual. */
export function skippedStepMessage(epoch: number, step: number, { lossScale, nextLossScale }: NonNullable<StepResult["overflow"]>): string {
  return `epoch ${epoch}, step ${step} was skipped: gradients beyond float16 at a loss scale of ${lossScale}; it is now ${nextLossScale ?? lossScale}`;
}
