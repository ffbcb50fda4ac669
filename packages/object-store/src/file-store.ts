// The object store in a folder. An object is written to a file beside the objects, fsynced, then linked (create) or renamed (put) to its
// name: link(2) fails when the name is taken, which is the conditional write, and a reader never sees half a file.
// Small steps that touch no data (open, link, mkdir) are synchronous: through the thread pool they cost more than they take, and four of
// its threads spin on one folder's lock. What waits for the disk is asynchronous.
import { randomUUID } from "node:crypto";
import { closeSync, constants, linkSync, mkdirSync, openSync, realpathSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { open, readFile, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { SaphenaError } from "@saphena/contracts";
import { checkSha256, chunksOf, chunksOfPath, saveVerified, sha256Of, UploadSource } from "./content.ts";
import { errnoOf, fileError, isAbsent } from "./file-error.ts";
import { DurableFolders, fsyncFile, fsyncFolder } from "./folder-sync.ts";
import { prepareFolder, walkObjects } from "./store-folder.ts";
import { checkKey, checkPrefix, UNFINISHED_FOLDER } from "./object-key.ts";
import type { ExpectedContent, ObjectStore, StoredObject, UploadedObject } from "./object-store.ts";

/** Up to here a file is written at once, which blocks for less than a millisecond. */
const SMALL_BYTES = 256 * 1024;
const READ_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW;

export class FileStore implements ObjectStore {
  readonly url: string;
  readonly #root: string;
  readonly #folders: DurableFolders;

  private constructor(root: string) {
    this.url = pathToFileURL(root).href;
    this.#root = root;
    this.#folders = new DurableFolders(root);
  }

  /** Makes the folder when it is not there; STORE_UNREACHABLE when that is not possible. */
  static async open(folder: string): Promise<FileStore> {
    try {
      return new FileStore(await prepareFolder(folder));
    } catch (error) {
      throw fileError(error, folder);
    }
  }

  async create(key: string, body: Uint8Array | string): Promise<"created" | "lost"> {
    const path = this.#path(key);
    const bytes = asBytes(body);
    const unfinished = await this.#writeSmall(key, bytes);
    return this.#finish(key, unfinished, async () => {
      try {
        linkSync(unfinished, path);
        return "created";
      } catch (error) {
        if (errnoOf(error) !== "EEXIST") throw error;
        const stored = await this.tryGet(key);
        if (stored === null) throw error; // a folder of that name
        // Ours when an earlier call got as far as the link and its caller never heard of it.
        return Buffer.from(stored).equals(bytes) ? "created" : "lost";
      }
    });
  }

  async put(key: string, body: Uint8Array | string): Promise<void> {
    const path = this.#path(key);
    const unfinished = await this.#writeSmall(key, asBytes(body));
    await this.#finish(key, unfinished, () => renameSync(unfinished, path));
  }

  async upload(key: string, path: string): Promise<UploadedObject> {
    if ((await stat(path)).size > SMALL_BYTES) return this.uploadStream(key, chunksOfPath(path));
    const bytes = await readFile(path);
    await this.put(key, bytes);
    return { sha256: sha256Of(bytes), sizeBytes: bytes.length };
  }

  async uploadStream(key: string, body: AsyncIterable<Uint8Array>, expected?: ExpectedContent): Promise<UploadedObject> {
    const path = this.#path(key);
    const source = new UploadSource();
    let unfinished: string;
    try {
      unfinished = await this.#writeStream(key, async (file) => {
        for await (const chunk of source.chunks(key, body, expected)) await file.writeFile(chunk); // goes on where the last one ended
      });
    } catch (error) {
      source.rethrow();
      throw error;
    }
    await this.#finish(key, unfinished, () => renameSync(unfinished, path));
    return source.content();
  }

  async get(key: string, expected?: ExpectedContent): Promise<Uint8Array> {
    const bytes = await this.#withFile(key, (file) => file.readFile());
    if (expected !== undefined) checkSha256(key, sha256Of(bytes), expected);
    return bytes;
  }

  async tryGet(key: string): Promise<Uint8Array | null> {
    try {
      return await this.get(key);
    } catch (error) {
      if (error instanceof SaphenaError && error.code === "OBJECT_NOT_FOUND") return null;
      throw error;
    }
  }

  getRange(key: string, start: number, end: number): Promise<Uint8Array> {
    return this.#withFile(key, async (file) => {
      const { size } = await file.stat();
      return readExactly(file, start, Math.min(end, size));
    });
  }

  getTail(key: string, lengthBytes: number): Promise<Uint8Array> {
    return this.#withFile(key, async (file) => {
      const { size } = await file.stat();
      return readExactly(file, Math.max(0, size - lengthBytes), size);
    });
  }

  async read(key: string): Promise<AsyncIterable<Uint8Array>> {
    return chunksOf(await this.#open(key));
  }

  async download(key: string, path: string, expected: ExpectedContent): Promise<void> {
    await saveVerified(key, await this.read(key), path, expected);
  }

  async head(key: string): Promise<{ sizeBytes: number } | null> {
    try {
      return await this.#withFile(key, async (file) => ({ sizeBytes: (await file.stat()).size }));
    } catch (error) {
      if (error instanceof SaphenaError && error.code === "OBJECT_NOT_FOUND") return null;
      throw error;
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    checkPrefix(prefix);
    const start = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    try {
      this.#checkInside(prefix, dirname(join(this.#root, `${start}x`)));
      for await (const object of walkObjects(this.#root, start)) if (object.key.startsWith(prefix)) yield object;
    } catch (error) {
      if (!isAbsent(error)) throw fileError(error, prefix);
    }
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    try {
      this.#checkInside(key, dirname(path));
      unlinkSync(path);
      await fsyncFolder(dirname(path));
    } catch (error) {
      if (!isAbsent(error)) throw fileError(error, key);
    }
  }

  async close(): Promise<void> {}

  #path(key: string): string {
    checkKey(key);
    return join(this.#root, ...key.split("/"));
  }

  /** A symbolic link below the root could lead anywhere; the root itself may be one (it was resolved when the store was opened). */
  #checkInside(key: string, folder: string): void {
    if (realpathSync.native(folder) !== folder)
      throw new SaphenaError("OBJECT_KEY_INVALID", `${JSON.stringify(key)} goes through a symbolic link in the store's folder`);
  }

  /** Makes the folder where it is missing, one by one: mkdir -p would make folders behind a symbolic link. */
  #makeFolder(key: string, folder: string): void {
    try {
      this.#checkInside(key, folder);
      return;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
    if (folder === this.#root) throw new SaphenaError("STORE_UNREACHABLE", `the folder of ${this.url} is gone`);
    this.#makeFolder(key, dirname(folder));
    try {
      mkdirSync(folder);
      this.#folders.forget(folder); // it may have been there before, and removed
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      this.#checkInside(key, folder);
    }
  }

  #newUnfinished(): string {
    return join(this.#root, UNFINISHED_FOLDER, randomUUID());
  }

  /** The path of a new file with this content, on disk. The object's folder is made first, so that one journal commit serves both. */
  async #writeSmall(key: string, bytes: Uint8Array): Promise<string> {
    const unfinished = this.#newUnfinished();
    try {
      this.#makeFolder(key, dirname(this.#path(key)));
      const file = openSync(unfinished, "wx", 0o644);
      try {
        writeFileSync(file, bytes);
        await fsyncFile(file);
      } finally {
        closeSync(file);
      }
      return unfinished;
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw fileError(error, key);
    }
  }

  /** As `#writeSmall` for content of any size; nothing is left when `write` fails. */
  async #writeStream(key: string, write: (file: FileHandle) => Promise<void>): Promise<string> {
    const unfinished = this.#newUnfinished();
    try {
      const file = await open(unfinished, "wx", 0o644);
      try {
        await write(file);
        await file.sync();
      } finally {
        await file.close();
      }
      return unfinished;
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw fileError(error, key);
    }
  }

  /** Puts the unfinished file in place by `place`, makes its name durable, and removes what is left of it. */
  async #finish<T>(key: string, unfinished: string, place: () => T | Promise<T>): Promise<T> {
    const folder = dirname(this.#path(key));
    try {
      this.#makeFolder(key, folder);
      const placed = await place();
      // Also when the name was taken: who lost acts on what is there, so it must not vanish in a power cut.
      await this.#folders.commit(folder);
      return placed;
    } catch (error) {
      throw fileError(error, key);
    } finally {
      rmSync(unfinished, { force: true });
    }
  }

  async #open(key: string): Promise<FileHandle> {
    const path = this.#path(key);
    try {
      this.#checkInside(key, dirname(path));
      const file = await open(path, READ_ONLY);
      if ((await file.stat()).isFile()) return file;
      await file.close();
    } catch (error) {
      if (!isAbsent(error)) throw fileError(error, key);
    }
    throw new SaphenaError("OBJECT_NOT_FOUND", key);
  }

  async #withFile<T>(key: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = await this.#open(key);
    try {
      return await use(file);
    } catch (error) {
      throw fileError(error, key);
    } finally {
      await file.close();
    }
  }
}

function asBytes(body: Uint8Array | string): Uint8Array {
  return typeof body === "string" ? Buffer.from(body) : body;
}

async function readExactly(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(Math.max(0, end - start));
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) break; // cannot happen to objects, which never shrink
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
