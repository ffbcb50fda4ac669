// Which batches a run asks for, from wherever it stands to its end: a function of start, fold and position alone.
import type { TrainerStart } from "@saphena/contracts";
import { epochOrder, trainingSlices, validationSlices } from "@saphena/dataset";
import type { BatchRequest, Pack } from "@saphena/dataset";
import type { Fold } from "../fold.ts";
import type { Position } from "../position.ts";

interface Plan {
  start: Pick<TrainerStart, "seed" | "train">;
  pack: Pick<Pack, "labels">;
  fold: Fold;
}

/** The batches of a training epoch, as places in the pack. Throws SPLIT_IMPOSSIBLE. */
export function trainingBatches({ start: { seed, train }, pack, fold }: Plan, epoch: number): Int32Array[] {
  const order = epochOrder(seed, epoch, fold.train, train.sampling === "balanced" ? pack.labels : null);
  return trainingSlices(order, train.batchSize);
}

/** Those of a validation, the same after every epoch. */
export function validationBatches({ start: { train }, fold }: Plan): Int32Array[] {
  return validationSlices(fold.validation, train.batchSize);
}

/** Each epoch's training batches, augmented, and then its validation batches as they are. */
export function* requestsFrom(position: Position, plan: Plan): Generator<BatchRequest> {
  const { epochs, sampling } = plan.start.train;
  for (let epoch = position.epoch + 1; epoch <= epochs; epoch++) {
    const batches = trainingBatches(plan, epoch);
    const repeats = sampling === "balanced" ? repeatsIn(batches) : null;
    const first = epoch === position.epoch + 1 ? position.step : 0;
    for (let step = first; step < batches.length; step++) {
      yield { indices: batches[step]!, epoch, repeats: repeats?.[step] ?? null };
    }
    for (const indices of validationBatches(plan)) yield { indices, epoch: null, repeats: null };
  }
}

/** How often each image has come before, over all batches of an epoch. */
function repeatsIn(batches: readonly Int32Array[]): Int32Array[] {
  const seen = new Map<number, number>();
  return batches.map((indices) =>
    indices.map((index) => {
      const before = seen.get(index) ?? 0;
      seen.set(index, before + 1);
      return before;
    }),
  );
}
