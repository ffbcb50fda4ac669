// The object store on any S3 server with conditional writes. Retries with jitter are the SDK's; what is ours is the meaning of the answers:
// a 412, a 409 and a lost answer of a conditional write (notes on each below).
import { setTimeout as pause } from "node:timers/promises";
import { Readable } from "node:stream";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { SaphenaError } from "@saphena/contracts";
import { checkSha256, chunksOfPath, saveVerified, sha256Of, UploadSource } from "./content.ts";
import { checkKey, checkPrefix } from "./object-key.ts";
import type { ExpectedContent, ObjectStore, StoredObject, UploadedObject } from "./object-store.ts";
import { faultOf, isConflict, isMissing, isOutcomeUnknown, isPreconditionFailed, s3Error } from "./s3-error.ts";
import type { S3Location } from "./store-url.ts";

const PART_SIZE_BYTES = 8 * 1024 * 1024;
const PARTS_IN_FLIGHT = 4;
const BODY_TRIES = 3;
const CONFLICT_TRIES = 8;

export class S3Store implements ObjectStore {
  readonly url: string;
  readonly #location: S3Location;
  readonly #client: S3Client;

  constructor(url: string, location: S3Location) {
    this.url = url;
    this.#location = location;
    this.#client = new S3Client({
      ...(location.endpoint === null ? {} : { endpoint: location.endpoint, forcePathStyle: true }),
      ...(location.region === null ? {} : { region: location.region }),
      ...(location.credentials === null ? {} : { credentials: location.credentials }),
      maxAttempts: 4,
      // A request is given up when its socket is silent for this long, not when it is long.
      requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000, httpsAgent: { maxSockets: 64 }, httpAgent: { maxSockets: 64 } },
    });
  }

  async create(key: string, body: Uint8Array | string): Promise<"created" | "lost"> {
    const bytes = asBytes(body);
    const address = this.#address(key);
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#client.send(new PutObjectCommand({ ...address, Body: bytes, IfNoneMatch: "*" }));
        return "created";
      } catch (error) {
        const fault = faultOf(error);
        const mayBeStored = isPreconditionFailed(fault) || isConflict(fault) || isOutcomeUnknown(fault);
        if (!mayBeStored || fault.status === 501) throw s3Error(error, this.#location, key);
        // The SDK repeats a PUT whose answer was lost, so a 412 can be about our own first try: the body tells, for it carries a nonce.
        const stored = await this.tryGet(key);
        if (stored !== null) return Buffer.from(stored).equals(bytes) ? "created" : "lost";
        // 409: another conditional write of this key was under way, and may have failed. 412 with nothing there: it was deleted meanwhile.
        if (isOutcomeUnknown(fault) || attempt === CONFLICT_TRIES) throw s3Error(error, this.#location, key);
        await pause(Math.random() * 50 * 2 ** attempt);
      }
    }
  }

  async put(key: string, body: Uint8Array | string): Promise<void> {
    const address = this.#address(key);
    await this.#send(key, () => this.#client.send(new PutObjectCommand({ ...address, Body: asBytes(body) })));
  }

  upload(key: string, path: string): Promise<UploadedObject> {
    return this.uploadStream(key, chunksOfPath(path));
  }

  async uploadStream(key: string, body: AsyncIterable<Uint8Array>, expected?: ExpectedContent): Promise<UploadedObject> {
    const address = this.#address(key);
    const source = new UploadSource();
    // A wrong hash is thrown before the last part is sent, so a multipart upload is aborted and a single PUT never made.
    const stream = Readable.from(source.chunks(key, body, expected), { objectMode: false });
    try {
      await new Upload({
        client: this.#client,
        params: { ...address, Body: stream },
        partSize: PART_SIZE_BYTES,
        queueSize: PARTS_IN_FLIGHT,
      }).done();
    } catch (error) {
      source.rethrow();
      throw s3Error(error, this.#location, key);
    } finally {
      stream.destroy(); // when the server failed, the source is still open
    }
    return source.content();
  }

  async get(key: string, expected?: ExpectedContent): Promise<Uint8Array> {
    const bytes = await this.#bytes(key);
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

  async getRange(key: string, start: number, end: number): Promise<Uint8Array> {
    if (end > start) return this.#bytes(key, `bytes=${start}-${end - 1}`);
    await this.#mustExist(key);
    return new Uint8Array();
  }

  async getTail(key: string, lengthBytes: number): Promise<Uint8Array> {
    if (lengthBytes > 0) return this.#bytes(key, `bytes=-${lengthBytes}`);
    await this.#mustExist(key);
    return new Uint8Array();
  }

  async read(key: string): Promise<AsyncIterable<Uint8Array>> {
    const body = await this.#body(key);
    const location = this.#location;
    return (async function* () {
      try {
        yield* body;
      } catch (error) {
        throw s3Error(error, location, key);
      } finally {
        body.destroy();
      }
    })();
  }

  async download(key: string, path: string, expected: ExpectedContent): Promise<void> {
    await this.#withBody(key, undefined, (body) => saveVerified(key, body, path, expected));
  }

  async head(key: string): Promise<{ sizeBytes: number } | null> {
    const address = this.#address(key);
    try {
      const { ContentLength } = await this.#client.send(new HeadObjectCommand(address));
      return { sizeBytes: ContentLength ?? 0 };
    } catch (error) {
      if (isMissing(faultOf(error))) return null;
      throw s3Error(error, this.#location, key);
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    checkPrefix(prefix);
    const { bucket, prefix: storePrefix } = this.#location;
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: storePrefix + prefix,
        ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
      });
      const page = await this.#send(prefix, () => this.#client.send(command));
      for (const { Key, Size } of page.Contents ?? []) {
        // Consoles make objects named "folder/"; they are no keys of ours.
        if (Key !== undefined && !Key.endsWith("/")) yield { key: Key.slice(storePrefix.length), sizeBytes: Size ?? 0 };
      }
      ContinuationToken = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  async delete(key: string): Promise<void> {
    const address = this.#address(key);
    try {
      await this.#client.send(new DeleteObjectCommand(address));
    } catch (error) {
      if (!isMissing(faultOf(error))) throw s3Error(error, this.#location, key);
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #address(key: string): { Bucket: string; Key: string } {
    checkKey(key);
    return { Bucket: this.#location.bucket, Key: this.#location.prefix + key };
  }

  async #send<T>(key: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw s3Error(error, this.#location, key);
    }
  }

  async #mustExist(key: string): Promise<void> {
    if ((await this.head(key)) === null) throw new SaphenaError("OBJECT_NOT_FOUND", key);
  }

  #bytes(key: string, range?: string): Promise<Uint8Array> {
    return this.#withBody(key, range, async (body) => {
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    });
  }

  /** The SDK repeats requests that fail, not bodies that break off: those are read again from their beginning. */
  async #withBody<T>(key: string, range: string | undefined, consume: (body: Readable) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const body = await this.#body(key, range);
      try {
        return await consume(body);
      } catch (error) {
        if (body.errored === null) throw error; // the consumer's own: wrong hash, full disk
        if (attempt === BODY_TRIES) throw s3Error(error, this.#location, key);
      } finally {
        body.destroy();
      }
    }
  }

  async #body(key: string, range?: string): Promise<Readable> {
    const command = new GetObjectCommand({ ...this.#address(key), ...(range === undefined ? {} : { Range: range }) });
    try {
      const { Body } = await this.#client.send(command);
      return Body as Readable; // what the SDK gives on Node
    } catch (error) {
      // The range begins behind the end of the object (any range of an empty one does), which getRange calls empty.
      if (range !== undefined && faultOf(error).status === 416) return Readable.from([]);
      throw s3Error(error, this.#location, key);
    }
  }
}

function asBytes(body: Uint8Array | string): Uint8Array {
  return typeof body === "string" ? Buffer.from(body) : body;
}
