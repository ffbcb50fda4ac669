// Opening a packed dataset: nothing of it is used before every byte matches its hash.
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { SaphenaError } from "@saphena/contracts";
import { createPack } from "../pack.ts";
import type { Pack } from "../pack.ts";
import { fingerprintFile, packHeaderSchema, readInto } from "./pack-file.ts";
import type { FileFingerprint, PackHeader } from "./pack-file.ts";

/**
 * Reads the whole pack into memory that threads can share: n · inputSize² · 3 bytes, and a third of that again for masks.
 * Throws OBJECT_NOT_FOUND where there is none and OBJECT_CORRUPT where it is damaged; `packDataset` builds it anew in both cases.
 */
export async function openPack(folder: string): Promise<Pack> {
  const header = await readHeader(folder);
  const images = await readVerified(join(folder, "images.bin"), header.images);
  const masks = header.masks === null ? new Uint8Array() : await readVerified(join(folder, "masks.bin"), header.masks);
  const { datasetHash, inputSize, resize, labelNames, maskClasses, ids, groups, sources, emptiedMasks } = header;
  return createPack(
    { datasetHash, inputSize, resize, labelNames, maskClasses, ids, groups, sources, emptiedMasks },
    {
      images,
      masks,
      hasMask: Uint8Array.from(header.hasMask),
      labels: Int32Array.from(header.labels),
      weights: Float32Array.from(header.weights),
    },
  );
}

/** The header of a pack whose every byte was checked, or null where there is none to use. */
export async function verifyPack(folder: string): Promise<PackHeader | null> {
  try {
    const header = await readHeader(folder);
    await assertMatches(join(folder, "images.bin"), header.images);
    if (header.masks !== null) await assertMatches(join(folder, "masks.bin"), header.masks);
    return header;
  } catch (error) {
    if (error instanceof SaphenaError && (error.code === "OBJECT_NOT_FOUND" || error.code === "OBJECT_CORRUPT")) return null;
    throw error;
  }
}

async function readHeader(folder: string): Promise<PackHeader> {
  const path = join(folder, "pack.json");
  const text = await orCorrupt(path, readFile(path, "utf8"));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SaphenaError("OBJECT_CORRUPT", path, { cause });
  }
  const parsed = packHeaderSchema.safeParse(value);
  if (!parsed.success) throw new SaphenaError("OBJECT_CORRUPT", path, { cause: parsed.error });
  const { ids, groups, sources, labels, weights, hasMask, inputSize, images, masks } = parsed.data;
  const pixels = ids.length * inputSize ** 2;
  const sound =
    [groups, sources, labels, weights, hasMask].every((column) => column.length === ids.length) && images.sizeBytes === pixels * 3;
  if (!sound || (masks !== null && masks.sizeBytes !== pixels)) throw new SaphenaError("OBJECT_CORRUPT", path);
  return parsed.data;
}

async function readVerified(path: string, expected: FileFingerprint): Promise<Uint8Array> {
  const { size } = await orCorrupt(path, stat(path));
  if (size !== expected.sizeBytes) throw new SaphenaError("OBJECT_CORRUPT", path);
  const bytes = new Uint8Array(new SharedArrayBuffer(expected.sizeBytes));
  if ((await readInto(path, bytes)) !== expected.sha256) throw new SaphenaError("OBJECT_CORRUPT", path);
  return bytes;
}

async function assertMatches(path: string, expected: FileFingerprint): Promise<void> {
  const found = await orCorrupt(path, fingerprintFile(path));
  if (found.sizeBytes !== expected.sizeBytes || found.sha256 !== expected.sha256) throw new SaphenaError("OBJECT_CORRUPT", path);
}

async function orCorrupt<T>(path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") throw new SaphenaError("OBJECT_NOT_FOUND", path, { cause });
    throw cause;
  }
}
