// The interface of the object store. Two implementations, `file://` and `s3://`, hold the same promises; object-store.case.ts checks both.
//
// Promises: what a resolved create, put or upload stored is durable (fsync or the server's word) and whole; a reader never sees half an
// object; of several creators of one key exactly one wins. Deliberately absent: rename, append, compare-and-swap, listing by folder.

export interface StoredObject {
  key: string;
  sizeBytes: number;
}

export interface UploadedObject {
  /** Of the bytes that were sent, computed on the way. */
  sha256: string;
  sizeBytes: number;
}

export interface ExpectedContent {
  /** Lower-case hex. */
  sha256: string;
}

/**
 * Keys are relative paths such as `sweeps/swp_1/result.json`; OBJECT_KEY_INVALID otherwise. Every method may throw STORE_UNREACHABLE.
 * Errors never carry credentials.
 */
export interface ObjectStore {
  /** As given to `openStore`, without any credentials. */
  readonly url: string;
  /**
   * Stores a small object unless the key is taken: "lost" = another body was there first. A repeated create with the same body is
   * "created" again, which is how a lost answer is told from a lost race; so bodies that compete must carry a nonce.
   */
  create(key: string, body: Uint8Array | string): Promise<"created" | "lost">;
  /** Stores a small object whatever is there; meant for keys that only one attempt uses. */
  put(key: string, body: Uint8Array | string): Promise<void>;
  /** Streams a local file into the store, whatever is there. */
  upload(key: string, path: string): Promise<UploadedObject>;
  /** Streams into the store. When `expected` differs, or the stream fails, the key is as it was before (OBJECT_CORRUPT, or the stream's error). */
  uploadStream(key: string, body: AsyncIterable<Uint8Array>, expected?: ExpectedContent): Promise<UploadedObject>;
  /** The whole object. OBJECT_NOT_FOUND; OBJECT_CORRUPT when `expected` differs. */
  get(key: string, expected?: ExpectedContent): Promise<Uint8Array>;
  /** As `get`, null when there is none. */
  tryGet(key: string): Promise<Uint8Array | null>;
  /** Bytes `start` to `end` (exclusive), cut to what the object has: empty when it ends before `start`. OBJECT_NOT_FOUND. */
  getRange(key: string, start: number, end: number): Promise<Uint8Array>;
  /** The last `lengthBytes` bytes, the whole object when it is shorter. OBJECT_NOT_FOUND. */
  getTail(key: string, lengthBytes: number): Promise<Uint8Array>;
  /** The whole object as chunks. OBJECT_NOT_FOUND. A reader that stops early must leave the `for await` loop, which frees the source. */
  read(key: string): Promise<AsyncIterable<Uint8Array>>;
  /** Streams to a file beside `path`, verifies it, renames it to `path`. OBJECT_NOT_FOUND; OBJECT_CORRUPT leaves no file. */
  download(key: string, path: string, expected: ExpectedContent): Promise<void>;
  head(key: string): Promise<{ sizeBytes: number } | null>;
  /** Objects whose key begins with `prefix` ("" = all), in the order of the keys' UTF-8 bytes. What appears or goes meanwhile may or may not be listed. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Does nothing when there is none. */
  delete(key: string): Promise<void>;
  /** Frees connections; the store cannot be used afterwards. */
  close(): Promise<void>;
}
