// Where text goes: data to stdout, talk to stderr. Colour and redrawing only on a terminal, and never with NO_COLOR.
import { stripVTControlCharacters } from "node:util";
import { cliEnvironment } from "./environment.ts";

/** One line (or several) of data. */
export function printData(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  printData(JSON.stringify(value, null, 2));
}

/** A line of talk: progress, warnings, what happens next. On a terminal it is broken between words. */
export function say(text: string): void {
  process.stderr.write(`${fitted(text, process.stderr)}\n`);
}

/** Text for people, broken between words where `stream` is a terminal; elsewhere as it is, one line each. */
export function fitted(text: string, stream: NodeJS.WriteStream): string {
  return stream.isTTY && stream.columns > 0 ? wrapped(text, stream.columns) : text;
}

/** Pure. No line longer than `width` unless one word is; what goes on is indented to the last column of the line that it continues. */
export function wrapped(text: string, width: number): string {
  return text
    .split("\n")
    .flatMap((line) => wrappedLine(line.trimEnd(), width))
    .join("\n");
}

function wrappedLine(line: string, width: number): string[] {
  if (visibleLength(line) <= width) return [line];
  // Columns end with two spaces or more.
  const columns = /^\s*(?:\S+(?: \S+)*? {2,})*/.exec(line)?.[0] ?? "";
  const indent = " ".repeat(visibleLength(columns) <= width / 2 ? visibleLength(columns) : 0);
  const rows: string[] = [];
  let row = columns;
  let isEmpty = true;
  for (const word of line.slice(columns.length).split(" ")) {
    if (!isEmpty && visibleLength(row) + 1 + visibleLength(word) > width) {
      rows.push(row);
      row = indent + word;
    } else {
      row += isEmpty ? word : ` ${word}`;
    }
    isEmpty = false;
  }
  return [...rows, row];
}

const visibleLength = (text: string): number => [...stripVTControlCharacters(text)].length;

/** Something the user should know that is no error. */
export function warn(text: string): void {
  say(`${styled("yellow", "warning:", process.stderr)} ${text}`);
}

/** Columns that a table on stdout may use; null = as many as it wants (a pipe or a file). */
export function dataWidth(): number | null {
  return cliEnvironment().columns ?? (process.stdout.isTTY ? process.stdout.columns : null);
}

type Style = "bold" | "dim" | "red" | "green" | "yellow";
const CODES: Record<Style, readonly [number, number]> = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] };

/** `text` in a style, when `stream` is a terminal that wants colour. */
export function styled(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  if (!stream.isTTY || !cliEnvironment().color) return text;
  const [open, close] = CODES[style];
  return `\u001B[${open}m${text}\u001B[${close}m`;
}

export interface LiveArea {
  /** Replaces what was drawn before. */
  draw(lines: readonly string[]): void;
  /** Leaves the last drawing where it is; what follows goes below. */
  end(): void;
}

/** Lines at the bottom of the terminal on stderr that are redrawn in place. Lines are cut to the width, so that they count as one row each. */
export function liveArea(stream: NodeJS.WriteStream = process.stderr): LiveArea {
  let drawn = 0;
  return {
    draw(lines) {
      const width = stream.columns > 0 ? stream.columns : 80;
      const up = drawn > 0 ? `\u001B[${drawn}A` : "";
      const rows = lines.slice(0, Math.max(1, (stream.rows > 0 ? stream.rows : 24) - 1)).map((line) => `\u001B[2K${clip(line, width)}\n`);
      stream.write(`${up}\r${rows.join("")}\u001B[0J`);
      drawn = rows.length;
    },
    end() {
      drawn = 0;
    },
  };
}

/** The text with at most `width` characters, the last one an ellipsis when it was longer. */
export function clip(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}

/** `saphena ls | head` closes our stdout early; that is no failure. */
export function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
}
