// Where a run is, to the step, with what has been summed up since its epoch began: all of it travels in the checkpoint.
// There is no generator state to keep: order and mirroring are functions of seed, epoch and image.
import { SaphenaError } from "@saphena/contracts";
import type { StepLosses, StepResult } from "@saphena/venet";
import { z } from "zod";

const sumSchema = z.strictObject({ weighted: z.number(), images: z.int().nonnegative() });

export const positionSchema = z.strictObject({
  /** Epochs completed, validation included. */
  epoch: z.int().nonnegative(),
  /** Steps done in the epoch after those. */
  step: z.int().nonnegative(),
  /** Losses of these steps, each weighted by the images of its batch. */
  losses: z.strictObject({ total: sumSchema, classification: sumSchema, segmentation: sumSchema }),
});
export type Position = z.infer<typeof positionSchema>;

/** Of an epoch. */
export type MeanLosses = Record<keyof StepLosses, number | null>;

const noSum = { weighted: 0, images: 0 };

/** At the beginning of the epoch after `epoch` completed ones. */
export function epochStart(epoch: number): Position {
  return { epoch, step: 0, losses: { total: noSum, classification: noSum, segmentation: noSum } };
}

/**
 * One step further. Losses of a skipped step that are not finite are left out. Throws LOSS_NOT_FINITE naming epoch and step, both
 * counted from 1, when those of another step are not, and when skipping cannot help any more.
 */
export function afterStep({ epoch, step, losses }: Position, stepLosses: StepResult, images: number): Position {
  const { overflow } = stepLosses;
  const values = [stepLosses.total, stepLosses.classification ?? 0, stepLosses.segmentation ?? 0];
  const place = `in epoch ${epoch + 1}, step ${step + 1}`;
  if (overflow === undefined && !values.every(Number.isFinite)) throw new SaphenaError("LOSS_NOT_FINITE", place);
  if (overflow?.nextLossScale === null)
    throw new SaphenaError(
      "LOSS_NOT_FINITE",
      `${place}: gradients are beyond float16 at the lowest loss scale; bfloat16 or float32 may do`,
    );
  const add = (sum: z.infer<typeof sumSchema>, value: number | null): z.infer<typeof sumSchema> =>
    value === null || !Number.isFinite(value) ? sum : { weighted: sum.weighted + value * images, images: sum.images + images };
  return {
    epoch,
    step: step + 1,
    losses: {
      total: add(losses.total, stepLosses.total),
      classification: add(losses.classification, stepLosses.classification),
      segmentation: add(losses.segmentation, stepLosses.segmentation),
    },
  };
}

/** Mean losses of the epoch so far; null where no batch had such a loss, or all of them overflowed. */
export function meanLosses({ losses }: Position): MeanLosses {
  const mean = ({ weighted, images }: z.infer<typeof sumSchema>): number | null => (images === 0 ? null : weighted / images);
  return { total: mean(losses.total), classification: mean(losses.classification), segmentation: mean(losses.segmentation) };
}
