// Reading a user's manifest: CSV (comma, semicolon or tab) or JSON lines, as they come out of spreadsheets and scripts.
import { parse } from "csv-parse/sync";
import { SaphenaError, nearest } from "@saphena/contracts";
import type { Draft, DraftRow } from "./draft.ts";
import { MANIFEST_COLUMNS } from "./manifest-columns.ts";
import type { ManifestColumn as Column } from "./manifest-columns.ts";
import type { Problem } from "./problem.ts";

const COLUMNS = Object.keys(MANIFEST_COLUMNS) as Column[];
const REQUIRED = COLUMNS.filter((column) => MANIFEST_COLUMNS[column].required);
const MAX_ID_LENGTH = 256;

interface Line {
  readonly where: string;
  readonly values: ReadonlyMap<string, unknown>;
  /** Why the line is no row. */
  readonly broken?: { what: string; remedy: string };
}

export function isManifestName(name: string): boolean {
  return /\.(csv|tsv|jsonl|ndjson)$/i.test(name);
}

/** Rows of a manifest whose paths are relative to `root`. Throws MANIFEST_UNREADABLE or, for the wrong columns, MANIFEST_INVALID. */
export function draftFromManifest(name: string, content: Uint8Array, root: string): Draft {
  const text = decodeText(name, content);
  const { lines, columns } = /\.(jsonl|ndjson)$/i.test(name) ? readJsonLines(text) : readCsv(name, text);
  const missing = lines.length === 0 ? [] : REQUIRED.filter((column) => !columns.includes(column));
  if (missing.length > 0) {
    const found = columns.length === 0 ? "none" : columns.join(", ");
    throw new SaphenaError("MANIFEST_INVALID", `${name} has no column ${missing.join(" and no column ")}; it has ${found}`, {
      hint: `the columns are ${COLUMNS.join(",")}; only id and image are required`,
    });
  }
  const drafts = lines.map((line) => draftRow(line, root));
  return {
    rows: drafts.flatMap((draft) => ("row" in draft ? [draft.row] : [])),
    problems: drafts.flatMap((draft) => ("problem" in draft ? [draft.problem] : [])),
    warnings: columns.flatMap(ignoredColumn),
  };
}

function ignoredColumn(column: string): string[] {
  if ((COLUMNS as readonly string[]).includes(column)) return [];
  const close = column.length < 4 ? undefined : nearest(column, COLUMNS); // `age` is no slip for `image`
  return [`the column ${column} is ignored${close === undefined ? "" : `; did you mean ${close}?`}`];
}

function decodeText(name: string, content: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (cause) {
    throw new SaphenaError("MANIFEST_UNREADABLE", `${name} is not UTF-8 text`, { hint: "save it as UTF-8", cause });
  }
}

function readCsv(name: string, text: string): { lines: Line[]; columns: string[] } {
  const header = text.split(/\r?\n/, 1)[0] ?? "";
  const delimiter = [",", ";", "\t"].find((mark) => header.includes(mark)) ?? ",";
  let records: { record: string[]; info: { lines: number } }[];
  try {
    // Its types know of `info` only through an overload that wants columns.
    records = parse(text, {
      delimiter,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      info: true,
    }) as unknown as typeof records;
  } catch (cause) {
    throw new SaphenaError("MANIFEST_UNREADABLE", `${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  const columns = (records.shift()?.record ?? []).map((column) => column.toLowerCase());
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) throw new SaphenaError("MANIFEST_INVALID", `${name} has two columns ${twice}`);
  const lines = records.map(({ record, info }): Line => {
    const line = { where: `line ${info.lines}`, values: new Map(columns.map((column, i) => [column, record[i]])) };
    if (record.length === columns.length) return line;
    return {
      ...line,
      broken: {
        what: `it has ${record.length} values`,
        remedy: `the header has ${columns.length} columns; quote values that hold the separator`,
      },
    };
  });
  return { lines, columns };
}

function readJsonLines(text: string): { lines: Line[]; columns: string[] } {
  const lines = text.split("\n").flatMap((line, i): Line[] => (line.trim() === "" ? [] : [readJsonLine(line, `line ${i + 1}`)]));
  const sound = lines.filter((line) => line.broken === undefined);
  // A key that some line lacks is a value that is missing there; a line without an id is told of with its number.
  const columns = new Set(sound.flatMap((line) => [...line.values.keys()]));
  return { lines, columns: sound.length === 0 ? [...REQUIRED] : [...columns] };
}

function readJsonLine(line: string, where: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(line.replace(/^\uFEFF/, ""));
  } catch {
    return { where, values: new Map(), broken: { what: "it is not JSON", remedy: "write one JSON object a line" } };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { where, values: new Map(), broken: { what: "it is not a JSON object", remedy: "write one JSON object a line" } };
  }
  return { where, values: new Map(Object.entries(value)) };
}

function draftRow({ where, values, broken }: Line, root: string): { row: DraftRow } | { problem: Problem } {
  const texts = new Map(COLUMNS.map((column) => [column, asText(values.get(column))]));
  const id = texts.get("id") ?? null;
  const wrong = broken ?? wrongValue(texts, values);
  if (wrong !== undefined) return { problem: { where, id, ...wrong } };
  const [image, mask] = [texts.get("image")!, texts.get("mask") ?? null];
  const row: DraftRow = {
    where,
    id: id!,
    image: { root, path: image },
    mask: mask === null ? null : { root, path: mask },
    label: texts.get("label") ?? null,
    group: texts.get("group") ?? null,
    source: texts.get("source") ?? null,
    weight: Number(texts.get("weight") ?? 1),
  };
  return { row };
}

/** undefined = a value that is not text; null = missing. */
function asText(value: unknown): string | null | undefined {
  if (value === undefined || value === null) return null;
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return undefined;
  return value.trim() === "" ? null : value.trim();
}

function wrongValue(texts: ReadonlyMap<Column, string | null | undefined>, values: ReadonlyMap<string, unknown>): Line["broken"] {
  const notText = COLUMNS.find((column) => texts.get(column) === undefined);
  if (notText !== undefined) return { what: `${notText} is ${JSON.stringify(values.get(notText))}`, remedy: "it must be text or a number" };
  const absent = REQUIRED.find((column) => texts.get(column) === null);
  if (absent !== undefined) return { what: `it has no ${absent}`, remedy: "every row needs an id and an image" };
  const { length } = texts.get("id")!;
  if (length > MAX_ID_LENGTH) return { what: `its id has ${length} characters`, remedy: `at most ${MAX_ID_LENGTH} are allowed` };
  const weight = texts.get("weight");
  if (weight === null || weight === undefined) return undefined;
  const isPositive = Number(weight) > 0 && Number.isFinite(Number(weight));
  return isPositive ? undefined : { what: `its weight is ${weight}`, remedy: "a weight is a number above 0" };
}
