// Named float32 tensors in one file: the safetensors format, which Python and Rust read too.
//
// Layout: 8 bytes little-endian length n of the header; n bytes of JSON, padded with spaces so that the data begins on a multiple
// of 8; the tensors one after the other, little-endian. The header maps each name to `{ dtype, shape, data_offsets: [from, to] }`
// (offsets from the start of the data), and `__metadata__` to an object of strings.
import { createHash } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { SaphenaError } from "@saphena/contracts";
import type { TensorRecord } from "@saphena/venet";
import { z } from "zod";

export interface TensorFile {
  metadata: Record<string, string>;
  tensors: Map<string, TensorRecord>;
}

export interface WrittenFile {
  path: string;
  sha256: string;
  sizeBytes: number;
}

const LENGTH_BYTES = 8;
const ALIGNMENT = 8;
const BYTES_PER_VALUE = 4;

const tensorSchema = z.strictObject({
  dtype: z.literal("F32"),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const headerSchema = z.intersection(
  z.object({ __metadata__: z.record(z.string(), z.string()).default({}) }),
  z.record(z.string(), z.unknown()),
);

/** The parts of the file in order; the tensors' own memory is used, nothing is copied. */
export function encodeTensors({ metadata, tensors }: TensorFile): Uint8Array[] {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const head = Buffer.alloc(LENGTH_BYTES + padded, " ");
  head.writeBigUInt64LE(BigInt(padded));
  json.copy(head, LENGTH_BYTES);
  return [head, ...Array.from(tensors.values(), ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/** Reads a file's bytes back. Throws CHECKPOINT_INVALID when they are not what `encodeTensors` writes. */
export function decodeTensors(bytes: Uint8Array): TensorFile {
  const { __metadata__: metadata, ...entries } = readHeader(bytes);
  const data = bytes.subarray(LENGTH_BYTES + headerLength(bytes));
  const tensors = new Map<string, TensorRecord>();
  let expected = 0;
  for (const { name, shape, from, to } of entriesInOrder(entries)) {
    const length = shape.reduce((product, size) => product * size, 1) * BYTES_PER_VALUE;
    if (from !== expected || to - from !== length || to > data.length)
      throw invalid(`${name} of shape [${shape.join()}] cannot lie at ${from}-${to}`);
    // Copied into memory of its own: a view need not be aligned. (A Buffer's `slice` would not copy.)
    tensors.set(name, { shape, data: new Float32Array(new Uint8Array(data.subarray(from, to)).buffer) });
    expected = to;
  }
  if (expected !== data.length) throw invalid(`${data.length - expected} bytes belong to no tensor`);
  return { metadata, tensors };
}

/** In the order of the data: an object keeps names that look like numbers in another one. */
function entriesInOrder(entries: Record<string, unknown>): { name: string; shape: number[]; from: number; to: number }[] {
  const ordered = Object.entries(entries).map(([name, entry]) => {
    const parsed = tensorSchema.safeParse(entry);
    if (!parsed.success) throw invalid(`the entry of ${name} is not a float32 tensor`);
    const [from, to] = parsed.data.data_offsets;
    return { name, shape: parsed.data.shape, from, to };
  });
  return ordered.sort((a, b) => a.from - b.from || a.to - b.to);
}

function headerLength(bytes: Uint8Array): number {
  if (bytes.length < LENGTH_BYTES) throw invalid("the file is too short");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(bytes.length - LENGTH_BYTES)) throw invalid("the file is cut off");
  return Number(length);
}

function readHeader(bytes: Uint8Array): z.infer<typeof headerSchema> {
  const text = new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + headerLength(bytes)));
  try {
    return headerSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new SaphenaError("CHECKPOINT_INVALID", "the header is not that of a safetensors file", { cause });
  }
}

/** Writes under another name and renames: `path` is never half-written. Not synced, because a reader checks the hash. */
export async function writeTensors(path: string, file: TensorFile): Promise<WrittenFile> {
  const partial = `${path}.partial`;
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const handle = await open(partial, "w");
  try {
    for (const part of encodeTensors(file)) {
      hash.update(part);
      sizeBytes += part.length;
      await handle.writeFile(part);
    }
  } finally {
    await handle.close();
  }
  await rename(partial, path);
  return { path, sha256: hash.digest("hex"), sizeBytes };
}

/** Throws CHECKPOINT_INVALID when the file is missing, does not have this sha256, or is not well-formed. */
export async function readTensors(path: string, sha256: string): Promise<TensorFile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new SaphenaError("CHECKPOINT_INVALID", `${path} cannot be read`, { cause });
  });
  if (createHash("sha256").update(bytes).digest("hex") !== sha256) throw invalid(`${path} does not have the hash ${sha256}`);
  return decodeTensors(bytes);
}

const invalid = (detail: string): SaphenaError => new SaphenaError("CHECKPOINT_INVALID", detail);
