// Predicts the validation part with the weights of the moment: one row an image, from which every score can be computed again.
import { SaphenaError } from "@saphena/contracts";
import { encodeRuns } from "@saphena/dataset";
import type { Batch } from "@saphena/dataset";
import { countOverlap } from "@saphena/metrics";
import type { OverlapCounts } from "@saphena/metrics";
import type { Prediction } from "@saphena/venet";
import { validationBatches } from "./input/requests.ts";
import { mustStop } from "./session.ts";
import type { Session } from "./session.ts";

export interface PredictionRow {
  id: string;
  group: string;
  /** Index of the true label; null = missing. */
  truth: number | null;
  /** Index of the most probable label, the lower one when equal; null without a class head. */
  predicted: number | null;
  probabilities: number[] | null;
  /** For each foreground class; null where the image has no mask, and without a decoder. */
  overlap: OverlapCounts[] | null;
  /** The predicted mask as runs (see `encodeRuns`); null but in the last epoch, and without a decoder. */
  mask: string | null;
}

/** Every image of the validation part once, in the order of the split; null when told to stop. Throws LOSS_NOT_FINITE. */
export async function validate(session: Session): Promise<PredictionRow[] | null> {
  const { start, pack, network, position, input } = session;
  const epoch = position.epoch + 1;
  const keepMasks = epoch === start.train.epochs;
  const rows: PredictionRow[] = [];
  for (const indices of validationBatches(session)) {
    if (await mustStop(session)) return null;
    const batch = await input.next();
    const prediction = network.predict(batch.images, batch.size);
    indices.forEach((index, place) => {
      const row = { id: pack.ids[index]!, group: pack.groups[index]!, ...rowOf(session, batch, prediction, place, keepMasks) };
      if (row.probabilities?.some(Number.isNaN) || !maskIsFinite(prediction, batch.size, place))
        throw new SaphenaError("LOSS_NOT_FINITE", `after epoch ${epoch}, predicting the image ${row.id}`);
      rows.push(row);
    });
  }
  return rows;
}

function rowOf(
  { start, network }: Session,
  batch: Batch,
  prediction: Prediction,
  place: number,
  keepMask: boolean,
): Omit<PredictionRow, "id" | "group"> {
  const { classes, maskClasses } = network.config;
  const label = batch.labels[place]!;
  const probabilities =
    prediction.probabilities === null ? null : [...prediction.probabilities.subarray(place * classes, (place + 1) * classes)];
  const pixels = start.model.inputSize ** 2;
  const mask = prediction.masks?.subarray(place * pixels, (place + 1) * pixels) ?? null;
  const truth = batch.masks.subarray(place * pixels, (place + 1) * pixels);
  return {
    truth: label < 0 ? null : label,
    predicted: probabilities === null ? null : probabilities.indexOf(Math.max(...probabilities)),
    probabilities,
    overlap: mask === null || batch.hasMask[place] === 0 ? null : countOverlap(truth, mask, maskClasses),
    mask: mask === null || !keepMask ? null : encodeRuns(mask),
  };
}

/** Weights that are not finite reach every pixel, so the first one tells; without a mask there is nothing to tell. */
function maskIsFinite({ maskProbabilities }: Prediction, size: number, place: number): boolean {
  return maskProbabilities === null || Number.isFinite(maskProbabilities[(maskProbabilities.length / size) * place]);
}
