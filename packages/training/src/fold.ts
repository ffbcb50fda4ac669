// The two parts of a fold as places in the packed dataset. A leak is an error.
import { SaphenaError } from "@saphena/contracts";
import type { FoldSplit } from "@saphena/contracts";
import type { Pack } from "@saphena/dataset";

export interface Fold {
  /** Indices into the pack, in the order of the split. */
  train: Int32Array;
  validation: Int32Array;
}

/**
 * Throws SPLIT_LEAK when an id is named twice or in both parts, or is not in the dataset. Which column keeps groups apart only the
 * sweep knows: whoever hands the split over has checked groups against the manifest.
 */
export function assertNoLeak(split: FoldSplit, pack: Pick<Pack, "ids" | "indicesOf">): Fold {
  const known = new Set(pack.ids);
  const seen = new Map<string, "training" | "validation">();
  const visit = (part: "training" | "validation", ids: readonly string[]): void => {
    for (const id of ids) {
      const other = seen.get(id);
      if (other !== undefined) throw leak(other === part ? `${id} is twice in the ${part} part` : `${id} is in both parts`);
      if (!known.has(id)) throw leak(`${id} is not in the dataset`);
      seen.set(id, part);
    }
  };
  visit("training", split.train);
  visit("validation", split.validation);
  return { train: pack.indicesOf(split.train), validation: pack.indicesOf(split.validation) };
}

const leak = (detail: string): SaphenaError => new SaphenaError("SPLIT_LEAK", detail);
