// The stored form of a dataset: `manifest.jsonl` sorted by id, `dataset.json`, and the hash that names both.
import { SCHEMA_VERSION, SaphenaError, explainIssues, manifestRowSchema } from "@saphena/contracts";
import type { DatasetRecord, ManifestRow } from "@saphena/contracts";
import { canonicalJson, compareText, sha256 } from "./canonical-json.ts";

/** What a dataset is apart from its rows. */
export type DatasetMeaning = Pick<DatasetRecord, "labels" | "merge" | "maskClasses">;

export function sortedById<T extends { readonly id: string }>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => compareText(a.id, b.id));
}

/** Covers what is trained on (content hashes of the files, labels, groups, weights, meaning) and neither paths, row order nor the name. */
export function datasetHash(rows: readonly ManifestRow[], { labels, merge, maskClasses }: DatasetMeaning): string {
  return sha256(canonicalJson({ schemaVersion: SCHEMA_VERSION, labels, merge, maskClasses, rows: sortedById(rows) }));
}

export function datasetRecord(name: string, rows: readonly ManifestRow[], meaning: DatasetMeaning): DatasetRecord {
  return {
    schemaVersion: SCHEMA_VERSION,
    name,
    hash: datasetHash(rows, meaning),
    labels: meaning.labels,
    merge: meaning.merge,
    maskClasses: meaning.maskClasses,
    images: rows.length,
    masks: rows.filter((row) => row.mask !== null).length,
    labelled: rows.filter((row) => row.label !== null).length,
    groups: new Set(rows.map((row) => row.group)).size,
  };
}

/** Mask classes with the background, or 0 when no image has a mask: the `maskClasses` of a network. */
export function maskClassCount(record: Pick<DatasetRecord, "masks" | "maskClasses">): number {
  return record.masks === 0 ? 0 : (record.maskClasses?.length ?? 1) + 1;
}

/** The text of `manifest.jsonl`: one canonical JSON object a line, sorted by id. */
export function formatManifest(rows: readonly ManifestRow[]): string {
  return sortedById(rows)
    .map((row) => `${canonicalJson(row)}\n`)
    .join("");
}

/** Rows of a stored `manifest.jsonl`. Throws OBJECT_CORRUPT naming the line; the user's own manifests are read by `importDataset`. */
export function parseManifest(text: string): ManifestRow[] {
  return text
    .split("\n")
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, number }) => {
      const value = parseLine(line, number);
      const parsed = manifestRowSchema.safeParse(value);
      if (!parsed.success)
        throw new SaphenaError(
          "OBJECT_CORRUPT",
          `manifest.jsonl line ${number}: ${explainIssues(manifestRowSchema, parsed.error, value).join("; ")}`,
        );
      return parsed.data;
    });
}

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new SaphenaError("OBJECT_CORRUPT", `manifest.jsonl line ${number} is not JSON`, { cause });
  }
}
