// Tables without borders that fit the width: columns that may be left out go first, then text columns shrink. Numbers are never cut.
import Table from "cli-table3";
import { styled } from "./terminal.ts";

export interface Column {
  title: string;
  align?: "left" | "right";
  /** May be cut with an ellipsis down to this many characters. */
  shrinkTo?: number;
  /** May be left out when the table is too wide; the highest goes first. */
  leaveOut?: number;
}

const GAP = 2;
const textWidth = (text: string): number => [...text].length;

export interface FittedColumn {
  /** Place in the columns that were given. */
  index: number;
  width: number;
}

/** Which columns are shown and how wide, for `width` characters (null = any). Pure, so that it can be tested at every width. */
export function fitColumns(columns: readonly Column[], naturalWidths: readonly number[], width: number | null): FittedColumn[] {
  let shown = columns.map((_, index) => ({ index, width: naturalWidths[index] ?? 0 }));
  if (width === null) return shown;
  const excess = (): number => shown.reduce((total, column) => total + column.width + GAP, -GAP) - width;
  const least = (index: number): number => Math.min(naturalWidths[index] ?? 0, columns[index]?.shrinkTo ?? Number.POSITIVE_INFINITY);
  const leastExcess = (): number => shown.reduce((total, { index }) => total + least(index) + GAP, -GAP) - width;
  // Leave out only what shrinking could not save.
  while (leastExcess() > 0) {
    const candidates = shown.filter(({ index }) => columns[index]?.leaveOut !== undefined);
    if (candidates.length === 0) break;
    const victim = candidates.reduce((a, b) => (columns[b.index]!.leaveOut! >= columns[a.index]!.leaveOut! ? b : a));
    shown = shown.filter((column) => column !== victim);
  }
  for (let over = excess(); over > 0; over = excess()) {
    const widest = shown.filter((column) => column.width > least(column.index)).sort((a, b) => b.width - a.width)[0];
    if (widest === undefined) break;
    widest.width -= 1;
  }
  return shown;
}

export interface RenderedTable {
  text: string;
  /** Titles of the columns that did not fit. */
  leftOut: string[];
}

export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[], width: number | null): RenderedTable {
  const natural = columns.map(({ title }, index) => Math.max(textWidth(title), ...rows.map((row) => textWidth(row[index] ?? ""))));
  const shown = fitColumns(columns, natural, width);
  const line = (cells: readonly string[]): string[] => shown.map(({ index }) => cells[index] ?? "");
  const table = new Table({
    chars: Object.fromEntries(BORDERS.map((name) => [name, ""])),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colWidths: shown.map((column, place) => column.width + (place < shown.length - 1 ? GAP : 0)),
    // The gap belongs to the column on its left, so a right-aligned cell is padded by hand.
    colAligns: shown.map(() => "left" as const),
  });
  const cell = (text: string, { index, width: columnWidth }: FittedColumn): string => {
    const cut = textWidth(text) > columnWidth ? `${[...text].slice(0, columnWidth - 1).join("")}…` : text;
    return columns[index]?.align === "right" ? cut.padStart(columnWidth) : cut;
  };
  const titles = line(columns.map(({ title }) => title)).map((text, place) => styled("dim", cell(text, shown[place]!)));
  table.push(titles, ...rows.map((row) => line(row).map((text, place) => cell(text, shown[place]!))));
  const text = table
    .toString()
    .split("\n")
    .map((row) => row.trimEnd())
    .join("\n");
  const kept = new Set(shown.map(({ index }) => index));
  return { text, leftOut: columns.filter((_, index) => !kept.has(index)).map(({ title }) => title) };
}

const BORDERS = [
  "top",
  "top-mid",
  "top-left",
  "top-right",
  "bottom",
  "bottom-mid",
  "bottom-left",
  "bottom-right",
  "left",
  "left-mid",
  "mid",
  "mid-mid",
  "right",
  "right-mid",
  "middle",
];
