// The indivisible units of a split: rows that must stay on one side, because they share a group or are the very same image.
import { SaphenaError } from "@saphena/contracts";
import type { CvConfig, ManifestRow } from "@saphena/contracts";
import { compareText } from "../canonical-json.ts";

export interface SplitUnit {
  /** Smallest group key in the unit: names it and orders it, whatever the order of the rows. */
  readonly key: string;
  readonly ids: readonly string[];
  /** Rows per stratum. */
  readonly counts: Int32Array;
}

/** What a row may not share with the other side of a split. */
export function groupKey(row: ManifestRow, groupBy: CvConfig["groupBy"]): string {
  switch (groupBy) {
    case "group":
      return row.group;
    case "none":
      return row.id;
    case "source":
      if (row.source !== null) return row.source;
      throw new SaphenaError("SPLIT_IMPOSSIBLE", `cv.groupBy is source, but the image ${row.id} has no source`);
  }
}

/**
 * Joins rows by group key and by image content: the same file under two groups would otherwise be trained on and validated.
 * `joined` counts the groups that lost their independence so. Units come sorted by key.
 */
export function splitUnits(
  rows: readonly ManifestRow[],
  groupBy: CvConfig["groupBy"],
  stratum: (row: ManifestRow) => number,
  strata: number,
): { units: SplitUnit[]; joined: number } {
  const keys = rows.map((row) => groupKey(row, groupBy));
  const roots = joinByImage(rows, keys);
  const members = new Map<string, ManifestRow[]>();
  rows.forEach((row, i) => {
    const root = find(roots, keys[i]!);
    const unitRows = members.get(root);
    if (unitRows === undefined) members.set(root, [row]);
    else unitRows.push(row);
  });
  const units = Array.from(members, ([key, unitRows]): SplitUnit => {
    const counts = new Int32Array(strata);
    for (const row of unitRows) counts[stratum(row)]!++;
    return { key, ids: unitRows.map((row) => row.id), counts };
  });
  units.sort((a, b) => compareText(a.key, b.key));
  return { units, joined: new Set(keys).size - units.length };
}

/** Union-find over group keys; the root of a set is its smallest key. */
function joinByImage(rows: readonly ManifestRow[], keys: readonly string[]): Map<string, string> {
  const roots = new Map(keys.map((key) => [key, key]));
  const keyOfImage = new Map<string, string>();
  rows.forEach((row, i) => {
    const seen = keyOfImage.get(row.image.sha256);
    if (seen === undefined) keyOfImage.set(row.image.sha256, keys[i]!);
    else {
      const [a, b] = [find(roots, seen), find(roots, keys[i]!)].sort(compareText) as [string, string];
      roots.set(b, a);
    }
  });
  return roots;
}

function find(roots: Map<string, string>, key: string): string {
  let root = key;
  while (roots.get(root) !== root) root = roots.get(root)!;
  roots.set(key, root);
  return root;
}
