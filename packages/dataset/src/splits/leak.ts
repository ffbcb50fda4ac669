// Whoever reads a split checks it here first: a leak is an error, never a warning.
import { SaphenaError } from "@saphena/contracts";
import type { CvConfig, FoldSplit, ManifestRow, Splits } from "@saphena/contracts";
import { groupKey } from "./unit.ts";
import { splitsHash } from "./splits.ts";

/**
 * Throws SPLIT_LEAK when, in any fold, an id is unknown, listed twice or on both sides, or a group (by `groupBy`, as in the sweep's
 * `cv`) or the very same image file is on both sides; or when an image is validated twice within one repeat.
 * Throws OBJECT_CORRUPT when the file no longer matches its own hash.
 */
export function assertNoLeak(splits: Splits, rows: readonly ManifestRow[], groupBy: CvConfig["groupBy"] = "group"): void {
  if (splitsHash(splits) !== splits.hash) throw new SaphenaError("OBJECT_CORRUPT", "the splits do not match their own hash");
  const byId = new Map(rows.map((row) => [row.id, row]));
  const validated = new Map<string, number>();
  splits.folds.forEach((fold, k) => {
    assertFoldIsClean(fold, k, byId, groupBy);
    for (const id of fold.validation) {
      const place = JSON.stringify([fold.repeat, id]);
      const earlier = validated.get(place);
      if (earlier !== undefined) throw leak(`the image ${id} is validated in folds ${earlier} and ${k}`);
      validated.set(place, k);
    }
  });
}

/** The k-th fold; FOLD_NOT_FOUND when there is none. */
export function foldAt(splits: Splits, k: number): FoldSplit {
  const fold = splits.folds[k];
  if (fold === undefined) throw new SaphenaError("FOLD_NOT_FOUND", `fold ${k} of ${splits.folds.length}`);
  return fold;
}

const leak = (detail: string): SaphenaError => new SaphenaError("SPLIT_LEAK", detail);

function assertFoldIsClean(fold: FoldSplit, k: number, byId: ReadonlyMap<string, ManifestRow>, groupBy: CvConfig["groupBy"]): void {
  const seen = new Set<string>();
  const trained = { groups: new Set<string>(), images: new Set<string>() };
  const visit = (id: string): ManifestRow => {
    const row = byId.get(id);
    if (row === undefined) throw leak(`fold ${k} names the image ${id}, which the dataset does not have`);
    if (seen.has(id)) throw leak(`fold ${k} names the image ${id} twice`);
    seen.add(id);
    return row;
  };
  for (const id of fold.train) {
    const row = visit(id);
    trained.groups.add(groupKey(row, groupBy));
    trained.images.add(row.image.sha256);
  }
  for (const id of fold.validation) {
    const row = visit(id);
    if (trained.groups.has(groupKey(row, groupBy)))
      throw leak(`in fold ${k} the group ${groupKey(row, groupBy)} of the image ${id} is trained on`);
    if (trained.images.has(row.image.sha256)) throw leak(`in fold ${k} the very same image as ${id} is trained on`);
  }
}
