// Splits for cross-validation, computed from the manifest alone: group-stratified k folds, or one grouped hold-out.
import { SCHEMA_VERSION, SaphenaError } from "@saphena/contracts";
import type { CvConfig, FoldSplit, ManifestRow, Splits } from "@saphena/contracts";
import { canonicalJson, compareText, sha256 } from "../canonical-json.ts";
import { assignUnits } from "./assignment.ts";
import { splitUnits } from "./unit.ts";
import type { SplitUnit } from "./unit.ts";

/** Covers the dataset and who is where. */
export function splitsHash({ datasetHash, folds }: Pick<Splits, "datasetHash" | "folds">): string {
  return sha256(canonicalJson({ datasetHash, folds }));
}

/**
 * The same rows, labels and `cv` give the same splits in any process, whatever the order of the rows.
 *
 * Rows that share the group key of `cv.groupBy`, or the very same image file, are never on both sides. With 2 or more folds every image
 * is validated exactly once; with 1 fold the validation part is about `cv.validationShare` of the images.
 * Throws SPLIT_IMPOSSIBLE where there are fewer groups than folds. Warnings are sentences for the user.
 */
export function computeSplits(
  rows: readonly ManifestRow[],
  labels: readonly string[],
  cv: CvConfig,
  datasetHash: string,
): { splits: Splits; warnings: string[] } {
  const strata = labels.length + 1; // the last one: images without a label
  const stratum = cv.stratify === "label" ? (row: ManifestRow): number => stratumOf(row, labels) : (): number => 0;
  const { units, joined } = splitUnits(rows, cv.groupBy, stratum, strata);
  const parts = Math.max(2, cv.folds);
  if (units.length < parts) {
    const wanted = cv.folds === 1 ? "a hold-out needs 2" : `${cv.folds} folds need ${cv.folds}`;
    throw new SaphenaError(
      "SPLIT_IMPOSSIBLE",
      `${wanted} groups and there ${units.length === 1 ? "is 1" : `are ${units.length}`} (cv.groupBy: ${cv.groupBy})`,
    );
  }
  const shares = cv.folds === 1 ? [cv.validationShare, 1 - cv.validationShare] : Array.from({ length: cv.folds }, () => 1 / cv.folds);
  const part = assignUnits(units, shares, cv.seed);
  const folds = Array.from({ length: cv.folds }, (_, outer) => foldOf(units, part, outer));
  const splits: Splits = { schemaVersion: SCHEMA_VERSION, hash: splitsHash({ datasetHash, folds }), datasetHash, seed: cv.seed, folds };
  return { splits, warnings: [...joinWarnings(joined), ...classWarnings(rows, labels, units, cv, folds)] };
}

function stratumOf(row: ManifestRow, labels: readonly string[]): number {
  if (row.label === null) return labels.length;
  const index = labels.indexOf(row.label);
  if (index < 0)
    throw new SaphenaError(
      "MANIFEST_INVALID",
      `the image ${row.id} has the label ${JSON.stringify(row.label)}, which the dataset does not list`,
    );
  return index;
}

function foldOf(units: readonly SplitUnit[], part: Int32Array, outer: number): FoldSplit {
  const ids = (keep: (part: number) => boolean): string[] => units.flatMap((unit, i) => (keep(part[i]!) ? unit.ids : [])).sort(compareText);
  return { repeat: 0, outer, train: ids((p) => p !== outer), validation: ids((p) => p === outer) };
}

function joinWarnings(joined: number): string[] {
  return joined === 0 ? [] : [`${joined} more groups would exist if no two held the very same image; groups that do are kept together`];
}

function classWarnings(
  rows: readonly ManifestRow[],
  labels: readonly string[],
  units: readonly SplitUnit[],
  cv: CvConfig,
  folds: readonly FoldSplit[],
): string[] {
  const labelOf = new Map(rows.map((row) => [row.id, row.label]));
  const needed = Math.max(2, cv.folds);
  return labels.flatMap((label) => {
    const groups = units.filter((unit) => unit.ids.some((id) => labelOf.get(id) === label)).length;
    if (groups === 0) return [`no image has the label ${label}`];
    if (groups < needed)
      return [
        `the label ${label} has ${groups} group${groups === 1 ? "" : "s"}, fewer than ${needed} folds: some folds validate or train without it`,
      ];
    const without = folds.filter((fold) => !fold.validation.some((id) => labelOf.get(id) === label));
    return without.length === 0
      ? []
      : [`the label ${label} is in no validation image of fold ${without.map((fold) => fold.outer).join(", ")}`];
  });
}
