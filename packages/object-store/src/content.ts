// Hashes content while it streams by, and puts a download in place only when it is what was expected.
import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { SaphenaError } from "@saphena/contracts";
import type { ExpectedContent, UploadedObject } from "./object-store.ts";

/**
 * The source of an upload: hashes what passes, and ends with OBJECT_CORRUPT instead of a normal end when it is not as expected, which
 * makes either store give the upload up. Keeps its own error apart from the store's.
 */
export class UploadSource {
  #content: UploadedObject | null = null;
  #failure: { error: unknown } | null = null;

  async *chunks(key: string, body: AsyncIterable<Uint8Array>, expected?: ExpectedContent): AsyncGenerator<Uint8Array> {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    try {
      for await (const chunk of body) {
        hash.update(chunk);
        sizeBytes += chunk.byteLength;
        yield chunk;
      }
      const sha256 = hash.digest("hex");
      checkSha256(key, sha256, expected);
      this.#content = { sha256, sizeBytes };
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /** Throws what the source threw, if it did: that is not the store's error. */
  rethrow(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** After the whole source was stored. */
  content(): UploadedObject {
    if (this.#content === null) throw new SaphenaError("INTERNAL", "an upload ended before its source");
    return this.#content;
  }
}

const CHUNK_BYTES = 1024 * 1024;

/** The chunks of a local file, which is opened when they are first asked for. */
export async function* chunksOfPath(path: string): AsyncGenerator<Uint8Array> {
  yield* chunksOf(await open(path));
}

/** Closes the file when it is read, when the reader stops, or when reading fails. */
export async function* chunksOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.allocUnsafe(CHUNK_BYTES) });
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

export function sha256Of(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

/** Throws OBJECT_CORRUPT. */
export function checkSha256(key: string, sha256: string, expected: ExpectedContent | undefined): void {
  if (expected !== undefined && sha256 !== expected.sha256)
    throw new SaphenaError("OBJECT_CORRUPT", `${key} has sha256 ${sha256}, expected ${expected.sha256}`);
}

/** Writes to a file beside `path` and renames it when the content is as expected; on any failure nothing is left. */
export async function saveVerified(key: string, source: AsyncIterable<Uint8Array>, path: string, expected: ExpectedContent): Promise<void> {
  const unfinished = `${path}.${randomUUID()}.part`;
  try {
    await pipeline(new UploadSource().chunks(key, source, expected), createWriteStream(unfinished, { flags: "wx", flush: true }));
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
