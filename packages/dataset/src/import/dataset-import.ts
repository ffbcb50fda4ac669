// Importing: from a user's manifest or folder to rows that are known to be sound, or to a list of all that is wrong.
import { SaphenaError, datasetNameSchema } from "@saphena/contracts";
import type { DatasetRecord, ManifestRow } from "@saphena/contracts";
import { compareText } from "../canonical-json.ts";
import { mapConcurrently } from "../concurrency.ts";
import { datasetRecord, sortedById } from "../manifest.ts";
import type { Draft, DraftRow } from "./draft.ts";
import type { FileReader } from "./file-reader.ts";
import { draftFromFolder } from "./folder-draft.ts";
import { draftFromManifest, isManifestName } from "./manifest-draft.ts";
import { byPlace, formatProblems } from "./problem.ts";
import type { Problem } from "./problem.ts";
import { checkRow } from "./row-check.ts";

export interface ImportOptions {
  /** Name of the dataset. */
  readonly name: string;
  /** Path of a manifest (.csv, .tsv, .jsonl, .ndjson) or of a folder; see `draftFromFolder` for its layouts. */
  readonly source: string;
  /** Folder of the masks, for a folder of images. */
  readonly masks?: string;
  /** In severity order, after merging. Default: the labels that occur, sorted (by number where all are numbers). */
  readonly labels?: readonly string[];
  /** Old label → new label. */
  readonly merge?: Readonly<Record<string, string>>;
  /** Default null: any non-zero pixel is foreground. */
  readonly maskClasses?: DatasetRecord["maskClasses"];
  /** Leave bad rows and files out, and list them in `skipped`, in place of refusing the dataset. */
  readonly skipBad?: boolean;
  readonly reader: FileReader;
  /** Rows in hand at once; default 4. Each holds a whole decoded image. */
  readonly concurrency?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ImportedDataset {
  readonly record: DatasetRecord;
  /** Sorted by id. */
  readonly rows: ManifestRow[];
  /** sha256 → path, for `FileReader.read`: every object the dataset needs. */
  readonly files: Map<string, string>;
  readonly skipped: Problem[];
  readonly warnings: string[];
}

/**
 * Reads and decodes every file. Throws MANIFEST_UNREADABLE when the source itself cannot be read, and MANIFEST_INVALID listing every bad row
 * and file, unless `skipBad`; also when no row is left. The record's hash depends on content alone: not on paths, nor on the order of rows.
 */
export async function importDataset(options: ImportOptions): Promise<ImportedDataset> {
  const { name, merge = {}, maskClasses = null } = options;
  assertOptions(options);
  const draft = await readDraft(options);
  if (draft.rows.length === 0 && draft.problems.length === 0)
    throw new SaphenaError("MANIFEST_INVALID", `${options.source} holds no images`);

  const { unique, repeated } = withoutRepeatedIds(draft.rows);
  let done = 0;
  const checked = await mapConcurrently(unique, options.concurrency ?? 4, async (row) => {
    const result = await checkRow(row, { labels: options.labels, merge, maskClasses, reader: options.reader });
    options.onProgress?.(++done, unique.length);
    return result;
  });
  const problems = [...draft.problems, ...repeated, ...checked.flatMap((row) => row.problems)].sort(byPlace);
  const sound = checked.flatMap((row) => (row.sound === null ? [] : [row.sound]));
  if (problems.length > 0 && options.skipBad !== true) throw new SaphenaError("MANIFEST_INVALID", formatProblems(problems));
  if (sound.length === 0) throw new SaphenaError("MANIFEST_INVALID", `no row is left; ${formatProblems(problems)}`);

  const rows = sortedById(sound.map(({ row }) => row));
  const labels = options.labels === undefined ? sortedLabels(rows) : [...options.labels];
  return {
    record: datasetRecord(name, rows, { labels, merge: { ...merge }, maskClasses }),
    rows,
    files: new Map(sound.flatMap(({ files }) => files)),
    skipped: problems,
    warnings: [...draft.warnings, ...unusedMerges(draft.rows, merge), ...repeatedImages(rows)],
  };
}

function assertOptions({ name, labels, maskClasses }: ImportOptions): void {
  if (!datasetNameSchema.safeParse(name).success) throw new SaphenaError("DATASET_NAME_INVALID", JSON.stringify(name));
  assertDistinct("label", labels ?? []);
  assertDistinct("mask class name", maskClasses?.map((entry) => entry.name) ?? []);
  assertDistinct("mask value", maskClasses?.map((entry) => entry.value) ?? []);
}

function assertDistinct(what: string, values: readonly (string | number)[]): void {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw new SaphenaError("MANIFEST_INVALID", `the ${what} ${twice} is listed twice`);
}

async function readDraft({ source, masks, reader }: ImportOptions): Promise<Draft> {
  const kind = await reader.kind(source);
  if (kind === "missing") throw new SaphenaError("MANIFEST_UNREADABLE", `there is nothing at ${source}`);
  if (masks !== undefined && (kind === "file" || (await reader.kind(masks)) !== "folder")) {
    const why = kind === "file" ? "a manifest names its masks itself" : `${masks} is not a folder`;
    throw new SaphenaError("MANIFEST_UNREADABLE", `the folder of masks: ${why}`);
  }
  if (kind === "folder") return draftFromFolder(source, masks, reader);
  if (!isManifestName(source)) throw new SaphenaError("MANIFEST_UNREADABLE", `${source} is not a .csv, .tsv, .jsonl or .ndjson file`);
  return draftFromManifest(source, await reader.read(source), reader.parent(source));
}

/** The first row of an id stays, the others are problems. */
function withoutRepeatedIds(rows: readonly DraftRow[]): { unique: DraftRow[]; repeated: Problem[] } {
  const first = new Map<string, DraftRow>();
  const repeated: Problem[] = [];
  for (const row of rows) {
    const earlier = first.get(row.id);
    if (earlier === undefined) first.set(row.id, row);
    else repeated.push({ where: row.where, id: row.id, what: `the id is that of ${earlier.where} too`, remedy: "ids must differ" });
  }
  return { unique: [...first.values()], repeated };
}

function sortedLabels(rows: readonly ManifestRow[]): string[] {
  const labels = [...new Set(rows.flatMap(({ label }) => (label === null ? [] : [label])))];
  const areNumbers = labels.every((label) => label.trim() !== "" && Number.isFinite(Number(label)));
  return labels.sort((a, b) => (areNumbers ? Number(a) - Number(b) || compareText(a, b) : compareText(a, b)));
}

function unusedMerges(rows: readonly DraftRow[], merge: Readonly<Record<string, string>>): string[] {
  const met = new Set(rows.map(({ label }) => label));
  return Object.keys(merge).flatMap((label) => (met.has(label) ? [] : [`no row has the label ${label}, which is to be merged`]));
}

/** The same photograph twice is often an oversight, above all under two labels. Splits keep such rows together. */
function repeatedImages(rows: readonly ManifestRow[]): string[] {
  const labelOf = new Map<string, string | null>();
  let repeated = 0;
  let contradicting = 0;
  for (const { image, label } of rows) {
    const earlier = labelOf.get(image.sha256);
    if (earlier === undefined) labelOf.set(image.sha256, label);
    else {
      repeated++;
      if (earlier !== label) contradicting++;
    }
  }
  if (repeated === 0) return [];
  return [
    `${repeated} row${repeated === 1 ? " repeats the image" : "s repeat the image"} of another id${contradicting === 0 ? "" : `, ${contradicting} of them with another label`}`,
  ];
}
