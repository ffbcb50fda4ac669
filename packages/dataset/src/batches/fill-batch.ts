// One batch at once, for whoever needs no more than that.
import { resolveAugmentation } from "@saphena/contracts";
import type { AugmentationConfig } from "@saphena/contracts";
import type { Pack } from "../pack.ts";
import { createBatchFiller } from "./batch.ts";
import type { Batch, FillOptions } from "./batch.ts";

export function fillBatch(
  pack: Pack,
  indices: Int32Array,
  { epoch, augment, ...options }: Omit<FillOptions, "augment"> & { epoch: number; augment: AugmentationConfig },
  target: Batch,
): Batch {
  return createBatchFiller(pack, { ...options, augment: resolveAugmentation(augment) })({ indices, epoch, repeats: null }, target);
}
