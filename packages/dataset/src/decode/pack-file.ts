// The folder of a packed dataset: `pack.json`, `images.bin` and, where there are masks, `masks.bin`; what each holds and how it is checked.
import { z } from "zod";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { sha256Schema } from "@saphena/contracts";

/** Raised when the meaning of the bytes changes (a new resampling filter too), so that old caches are left alone. */
export const PACK_VERSION = 1;

export const packHeaderSchema = z.strictObject({
  packVersion: z.literal(PACK_VERSION),
  datasetHash: sha256Schema,
  inputSize: z.int().positive(),
  resize: z.enum(["stretch", "fit"]),
  labelNames: z.array(z.string()),
  maskClasses: z.int().nonnegative(),
  emptiedMasks: z.array(z.string()),
  /** Columns, one entry an image, in the order of the ids. */
  ids: z.array(z.string()).min(1),
  groups: z.array(z.string()),
  sources: z.array(z.string().nullable()),
  labels: z.array(z.int().min(-1)),
  weights: z.array(z.number().positive()),
  hasMask: z.array(z.union([z.literal(0), z.literal(1)])),
  images: z.strictObject({ sizeBytes: z.int(), sha256: sha256Schema }),
  masks: z.strictObject({ sizeBytes: z.int(), sha256: sha256Schema }).nullable(),
});
export type PackHeader = z.infer<typeof packHeaderSchema>;

export interface FileFingerprint {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** `<datasetHash>-<inputSize>-<resize>`: all that decides the bytes, besides PACK_VERSION, which is checked on reading. */
export function packFolderName({ datasetHash, inputSize, resize }: { datasetHash: string; inputSize: number; resize: string }): string {
  return `${datasetHash}-${inputSize}-${resize}`;
}

/** Bytes in one read: a single one may not exceed 2 GiB, and hashing wants them warm in the cache of the processor. */
const READ_BYTES = 4 << 20;

/** Reads a whole file into `target`, which must have its size, and returns its sha256. */
export async function readInto(path: string, target: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "r");
  try {
    for (let at = 0; at < target.length;) {
      const { bytesRead } = await file.read(target, at, Math.min(READ_BYTES, target.length - at), at);
      if (bytesRead === 0) throw new RangeError(`${path} ends at byte ${at} of ${target.length}`);
      hash.update(target.subarray(at, at + bytesRead));
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

/** Size and sha256 of a file, without keeping it. */
export async function fingerprintFile(path: string): Promise<FileFingerprint> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}

/** A new file that is written from its start to its end and hashed on the way. */
export interface HashedFile {
  append(bytes: Uint8Array): Promise<void>;
  /** Puts it on the disk; what it holds. */
  sync(): Promise<FileFingerprint>;
  close(): Promise<void>;
}

export async function openHashed(path: string): Promise<HashedFile> {
  const file = await open(path, "w");
  const hash = createHash("sha256");
  let sizeBytes = 0;
  return {
    async append(bytes) {
      hash.update(bytes);
      for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at, sizeBytes + at)).bytesWritten;
      sizeBytes += bytes.length;
    },
    async sync() {
      await file.sync();
      return { sizeBytes, sha256: hash.digest("hex") };
    },
    close: () => file.close(),
  };
}
