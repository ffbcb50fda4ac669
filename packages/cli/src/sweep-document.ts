// Reads a sweep file: YAML or JSON, checked in full before anything else happens.
import { readFile } from "node:fs/promises";
import { SaphenaError, parseSweepFile } from "@saphena/contracts";
import type { SweepFile, SweepSpec } from "@saphena/contracts";
import { LineCounter, parseDocument } from "yaml";

export interface SweepDocument {
  /** As written: what is sent to the server, which fills in the defaults itself. */
  file: SweepFile;
  spec: SweepSpec;
}

/** SWEEP_FILE_UNREADABLE, SWEEP_FILE_SYNTAX with the line, SWEEP_FILE_INVALID with every problem. */
export async function readSweepFile(path: string): Promise<SweepDocument> {
  const text = await readText(path);
  const written = parseText(text, path);
  if (written === null)
    throw new SaphenaError("SWEEP_FILE_INVALID", `${path} is empty`, {
      hint: "name, dataset and budget are required; docs/sweep-file.md shows an example",
    });
  const spec = parseSweepFile(written);
  return { file: written as SweepFile, spec };
}

async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT"
        ? "does not exist"
        : code === "EISDIR"
          ? "is a folder"
          : code === "ERR_ENCODING_INVALID_ENCODED_DATA"
            ? "is not UTF-8 text"
            : `(${code ?? String(cause)})`;
    throw new SaphenaError("SWEEP_FILE_UNREADABLE", `${path} ${why}`, { cause });
  }
}

/** JSON is YAML as well, except that its mistakes read better in JSON's words; both give the line. */
export function parseText(text: string, path: string): unknown {
  const lines = new LineCounter();
  // YAML 1.1 merges and tags are not needed; a key given twice is an error of the parser.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new SaphenaError("SWEEP_FILE_SYNTAX", `${path}, line ${line}, column ${col}: ${fault.message}`);
  }
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (cause) {
    throw new SaphenaError("SWEEP_FILE_SYNTAX", `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
