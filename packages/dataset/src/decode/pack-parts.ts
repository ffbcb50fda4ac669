// The making of a pack, shared by all processes that want the same one at the same time (the workers of a machine, after a submit): its
// rows are cut into parts, and each process takes parts that nobody has made yet, in an order of its own. There are no claims, so nothing
// waits for a process that died: a part that two make at once comes out the same, and a part that is there is never made again.
import { createHash, randomInt, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { mapConcurrently } from "../concurrency.ts";
import { shuffle } from "../random.ts";
import { PACK_VERSION } from "./pack-file.ts";

/** About 0.1 s of decoding: two processes seldom make the same part, and rarely wait long for the last one. */
const PART_ROWS = 32;
/** So that the last images of one part leave no gap. */
const PARTS_AT_ONCE = 2;
const HASH_BYTES = 32;

/** One row at the input size of the network. */
export interface PackedRow {
  /** [inputSize, inputSize, 3] */
  readonly image: Uint8Array;
  /** [inputSize, inputSize] classes; null = the row has no mask. */
  readonly mask: Uint8Array | null;
  /** The mask had foreground, and resizing lost it. */
  readonly emptied: boolean;
}

/** Consecutive rows of a pack. */
export interface PackPart {
  /** Of all rows, one after another. */
  readonly images: Uint8Array;
  /** Of all rows, zeros where there is none. */
  readonly masks: Uint8Array;
  readonly emptied: readonly boolean[];
}

export interface PackParts {
  /** Where the parts of this pack are kept while it is made; the caller removes the folder once the pack is there. */
  readonly folder: string;
  /** Of the whole pack. */
  readonly rows: number;
  /** inputSize² */
  readonly pixels: number;
  /** Images in hand at once. */
  readonly concurrency: number;
  readonly decodeRow: (row: number) => Promise<PackedRow>;
  /** Whether the whole pack is there: asked when the folder of the parts has vanished, as it does once somebody has made the pack. */
  readonly isMade: () => Promise<boolean>;
  /** Counts the rows that other processes made, once this one comes across them. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** `.parts~<name of the pack>~…`: with all that decides the bytes and how they are cut. */
export function partsFolder(folder: string, packName: string): string {
  return join(folder, `.parts~${packName}~${PACK_VERSION}~${PART_ROWS}`);
}

/** Makes every part that is not there, together with whoever else is at it. Throws what `decodeRow` throws. */
export async function makeParts(parts: PackParts): Promise<void> {
  await mkdir(parts.folder, { recursive: true });
  const order = shuffle(
    Array.from({ length: countOf(parts) }, (_, part) => part),
    randomInt(2 ** 31),
  );
  let done = 0;
  const progress = (rows: number): void => parts.onProgress?.((done += rows), parts.rows);
  await mapConcurrently(order, PARTS_AT_ONCE, async (part) => {
    if (await isThere(pathOf(parts, part))) progress(rowsOf(parts, part).length);
    else if (!(await isOver(parts))) await writePart(parts, part, await decodePart(parts, part, () => progress(1)));
  });
}

/**
 * The parts in the order of the rows; one that is gone or damaged is decoded again. Ends early with null where the parts are gone because
 * the pack is there.
 */
export async function* readParts(parts: PackParts): AsyncGenerator<PackPart | null> {
  for (let part = 0; part < countOf(parts); part++) {
    const content = await readPart(parts, part);
    if (content === null && (await isOver(parts))) return yield null;
    yield parse(parts, content ?? (await decodePart(parts, part)));
  }
}

async function isOver(parts: PackParts): Promise<boolean> {
  return !(await isThere(parts.folder)) && (await parts.isMade());
}

const countOf = ({ rows }: PackParts): number => Math.ceil(rows / PART_ROWS);
const pathOf = ({ folder }: PackParts, part: number): string => join(folder, String(part));

function rowsOf({ rows }: PackParts, part: number): number[] {
  const first = part * PART_ROWS;
  return Array.from({ length: Math.min(PART_ROWS, rows - first) }, (_, i) => first + i);
}

/** Content of a part: images, masks, one byte a row for `emptied`. */
async function decodePart(parts: PackParts, part: number, onRow?: () => void): Promise<Uint8Array> {
  const { pixels } = parts;
  const rows = rowsOf(parts, part);
  const content = new Uint8Array(rows.length * (4 * pixels + 1));
  await mapConcurrently(rows, Math.ceil(parts.concurrency / PARTS_AT_ONCE), async (row, i) => {
    const { image, mask, emptied } = await parts.decodeRow(row);
    content.set(image, i * 3 * pixels);
    if (mask !== null) content.set(mask, (3 * rows.length + i) * pixels);
    content[4 * rows.length * pixels + i] = emptied ? 1 : 0;
    onRow?.();
  });
  return content;
}

function parse({ pixels }: PackParts, content: Uint8Array): PackPart {
  const rows = content.length / (4 * pixels + 1);
  return {
    images: content.subarray(0, rows * 3 * pixels),
    masks: content.subarray(rows * 3 * pixels, rows * 4 * pixels),
    emptied: Array.from(content.subarray(rows * 4 * pixels), (byte) => byte === 1),
  };
}

/** Put in place by a rename, with its sha256 at the end: a part needs no flush, because what a power cut spoils is not taken. */
async function writePart(parts: PackParts, part: number, content: Uint8Array): Promise<void> {
  const path = pathOf(parts, part);
  const draft = `${path}-${randomUUID()}`;
  const put = async (): Promise<void> => {
    await writeFile(draft, Buffer.concat([content, hashOf(content)]));
    await rename(draft, path);
  };
  try {
    await put();
  } catch (error) {
    if (!isMissing(error)) throw error;
    if (await isOver(parts)) return;
    await mkdir(dirname(path), { recursive: true }); // another process has failed and taken the folder away
    await put();
  }
}

async function readPart(parts: PackParts, part: number): Promise<Uint8Array | null> {
  let bytes: Buffer;
  try {
    bytes = await readFile(pathOf(parts, part));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  const content = bytes.subarray(0, -HASH_BYTES);
  const isWhole =
    content.length === rowsOf(parts, part).length * (4 * parts.pixels + 1) && hashOf(content).equals(bytes.subarray(-HASH_BYTES));
  if (isWhole) return content;
  await rm(pathOf(parts, part), { force: true });
  return null;
}

const hashOf = (content: Uint8Array): Buffer => createHash("sha256").update(content).digest();
const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";
