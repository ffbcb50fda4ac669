// The contract of the object store as tests, run on every implementation. What only one of them has stands in its own test file.
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SaphenaError, type ErrorCode } from "@saphena/contracts";
import { temporaryFolder } from "@saphena/testing";
import { beforeAll, describe, expect, it } from "vitest";
import { probeConditionalWrites, type ObjectStore } from "./index.ts";

export interface Subject {
  store: ObjectStore;
  /** Another client of the same store, as another process has. */
  again(): Promise<ObjectStore>;
  /** What the server keeps besides objects: unfinished files or multipart uploads. */
  unfinished(): Promise<string[]>;
}

const MIB = 1024 * 1024;
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString());
const codeOf = (promise: Promise<unknown>): Promise<ErrorCode> =>
  promise.then(
    () => Promise.reject(new Error("nothing was thrown")),
    (error: unknown) => (error instanceof SaphenaError ? error.code : Promise.reject(error)),
  );

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

async function* chunksThenFail(bytes: Uint8Array, chunkBytes: number, failAfter: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    if (at >= failAfter) throw new Error("the source broke off");
    yield bytes.subarray(at, at + chunkBytes);
  }
}

const chunksOf = (bytes: Uint8Array, chunkBytes = MIB): AsyncGenerator<Uint8Array> => chunksThenFail(bytes, chunkBytes, Infinity);

/** Each test works under keys of its own, so the store may be shared. */
export function describeObjectStore(open: () => Promise<Subject>): void {
  let subject: Subject;
  let store: ObjectStore;
  beforeAll(async () => {
    subject = await open();
    store = subject.store;
  });
  const place = (): string => `case-${randomUUID()}`;

  describe("create", () => {
    it("lets exactly one of 20 racers win, over two clients, and keeps the winner's body", async () => {
      const other = await subject.again();
      for (let round = 0; round < 5; round++) {
        const key = `${place()}/result.json`;
        const bodies = Array.from({ length: 20 }, (_, racer) => JSON.stringify({ racer, nonce: randomUUID() }));
        const outcomes = await Promise.all(bodies.map((body, racer) => (racer % 2 === 0 ? store : other).create(key, body)));
        const winners = bodies.filter((_, racer) => outcomes[racer] === "created");
        expect(winners).toHaveLength(1);
        expect(text(await store.get(key))).toBe(winners[0]);
      }
      await other.close();
    });

    it("is created again when the same body is sent twice, so that a lost answer is no lost race", async () => {
      const key = `${place()}/result.json`;
      expect(await store.create(key, "nonce-1")).toBe("created");
      expect(await store.create(key, Buffer.from("nonce-1"))).toBe("created");
      expect(await store.create(key, "nonce-2")).toBe("lost");
      expect(await store.create(key, "nonce-1 and more")).toBe("lost");
      expect(text(await store.get(key))).toBe("nonce-1");
    });

    it("may use a key again after a delete, and takes an empty body", async () => {
      const key = `${place()}/empty`;
      expect(await store.create(key, "")).toBe("created");
      expect(await store.head(key)).toEqual({ sizeBytes: 0 });
      await store.delete(key);
      expect(await store.create(key, "full")).toBe("created");
    });
  });

  describe("put, get, head and delete", () => {
    it("replace, read, size and remove an object", async () => {
      const key = `${place()}/a`;
      await store.put(key, "one");
      await store.put(key, Buffer.from("two, longer"));
      expect(text(await store.get(key))).toBe("two, longer");
      expect(await store.head(key)).toEqual({ sizeBytes: 11 });
      await store.delete(key);
      await store.delete(key);
      expect(await store.head(key)).toBeNull();
      expect(await store.tryGet(key)).toBeNull();
    });

    it("tell a missing object from everything else", async () => {
      const key = `${place()}/missing`;
      expect(await codeOf(store.get(key))).toBe("OBJECT_NOT_FOUND");
      expect(await codeOf(store.getRange(key, 0, 1))).toBe("OBJECT_NOT_FOUND");
      expect(await codeOf(store.getRange(key, 0, 0))).toBe("OBJECT_NOT_FOUND");
      expect(await codeOf(store.getTail(key, 1))).toBe("OBJECT_NOT_FOUND");
      expect(await codeOf(store.read(key))).toBe("OBJECT_NOT_FOUND");
      expect(await codeOf(store.download(key, join(await temporaryFolder(), "x"), { sha256: sha256(Buffer.from("")) }))).toBe(
        "OBJECT_NOT_FOUND",
      );
      // The parent of an object is no object, and an object is no parent.
      await store.put(`${key}/below`, "x");
      expect(await store.tryGet(key)).toBeNull();
      expect(await store.head(key)).toBeNull();
      expect(await store.tryGet(`${key}/below/it`)).toBeNull();
    });

    it("refuse content that does not match its hash", async () => {
      const key = `${place()}/a`;
      await store.put(key, "content");
      expect(text(await store.get(key, { sha256: sha256(Buffer.from("content")) }))).toBe("content");
      expect(await codeOf(store.get(key, { sha256: sha256(Buffer.from("other")) }))).toBe("OBJECT_CORRUPT");
    });

    it("see what another client wrote at once", async () => {
      const key = `${place()}/a`;
      const other = await subject.again();
      await other.put(key, "theirs");
      expect(text(await store.get(key))).toBe("theirs");
      await other.close();
    });

    it("keep keys with UTF-8, spaces, & and + apart, in listings too", async () => {
      const under = place();
      const names = [
        "a b",
        "a+b",
        "a%20b",
        "a&b",
        "a&amp;b",
        "ä é 漢字 🩺",
        "a=b?c#d",
        "'quoted\"",
        "~tilde",
        "(x)!*,;:@$",
        "<tag>",
        "..dots",
        ".hidden",
      ];
      await Promise.all(names.map((name) => store.put(`${under}/${name}/x`, name)));
      for (const name of names) expect(text(await store.get(`${under}/${name}/x`))).toBe(name);
      const expected = names.map((name) => `${under}/${name}/x`).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await keysOf(store, `${under}/`)).toEqual(expected);
      expect(await keysOf(store, `${under}/ä é`)).toEqual([`${under}/ä é 漢字 🩺/x`]);
    });

    it("refuse keys that lead out of the store or that not every store can hold", async () => {
      const bad = [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        "a\0b",
        "a\nb",
        "a\\b",
        "x".repeat(256),
        `${"y".repeat(200)}/`.repeat(5) + "z",
        "\ud800",
      ];
      for (const key of bad) {
        for (const call of [
          () => store.get(key),
          () => store.put(key, "x"),
          () => store.create(key, "x"),
          () => store.delete(key),
          () => store.head(key),
        ])
          expect([key, await codeOf((async () => await call())())]).toEqual([key, "OBJECT_KEY_INVALID"]);
      }
      for (const prefix of ["/", "../", "a/../", "a//"])
        expect([prefix, await codeOf(keysOf(store, prefix))]).toEqual([prefix, "OBJECT_KEY_INVALID"]);
    });
  });

  describe("ranges", () => {
    it("give the bytes asked for, cut to what the object has", async () => {
      const key = `${place()}/a`;
      await store.put(key, "0123456789");
      expect(text(await store.getRange(key, 0, 1))).toBe("0");
      expect(text(await store.getRange(key, 3, 7))).toBe("3456");
      expect(text(await store.getRange(key, 8, 100))).toBe("89");
      expect(text(await store.getRange(key, 10, 12))).toBe("");
      expect(text(await store.getRange(key, 99, 100))).toBe("");
      expect(text(await store.getRange(key, 5, 5))).toBe("");
      expect(text(await store.getTail(key, 3))).toBe("789");
      expect(text(await store.getTail(key, 100))).toBe("0123456789");
      expect(text(await store.getTail(key, 0))).toBe("");
    });

    it("of an empty object are empty", async () => {
      const key = `${place()}/empty`;
      await store.put(key, "");
      expect(text(await store.getRange(key, 0, 10))).toBe("");
      expect(text(await store.getTail(key, 10))).toBe("");
      expect(text(await store.get(key))).toBe("");
      expect(await collect(await store.read(key))).toHaveLength(0);
    });
  });

  describe("list", () => {
    it("pages over 1,000 keys in byte order, and only those with the prefix", async () => {
      const under = place();
      // Twos of keys where the order of whole keys is not that of a walk by folder: "t/n.json" < "t/n/x" because "." < "/".
      const keys = Array.from({ length: 1_030 }, (_, index) => `${under}/t/${index}${index % 2 === 0 ? "/x" : ".json"}`);
      const others = [`${under}/s`, `${under}/t.x`, `${under}/tt/1`, `${under}0/t/1`];
      const left = [...keys, ...others];
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          for (let key = left.pop(); key !== undefined; key = left.pop()) await store.put(key, key);
        }),
      );
      const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await keysOf(store, `${under}/t/`)).toEqual(sorted);
      expect(await keysOf(store, `${under}/t/10`)).toEqual(sorted.filter((key) => key.startsWith(`${under}/t/10`)));
      expect(await keysOf(store, `${under}/t`)).toEqual([...sorted, `${under}/t.x`, `${under}/tt/1`].sort());
      expect(await keysOf(store, `${under}/none/`)).toEqual([]);
      for await (const object of store.list(`${under}/t/`)) {
        expect(object).toEqual({ key: sorted[0], sizeBytes: sorted[0]!.length });
        break; // a reader may stop early
      }
    });
  });

  describe("large objects", () => {
    const large = randomBytes(64 * MIB);
    const hash = sha256(large);

    it("of 64 MiB go up from a file and come down to one, with their hash", async () => {
      const folder = await temporaryFolder();
      const key = `${place()}/model.safetensors`;
      await writeFile(join(folder, "up"), large);
      expect(await store.upload(key, join(folder, "up"))).toEqual({ sha256: hash, sizeBytes: large.length });
      expect(await store.head(key)).toEqual({ sizeBytes: large.length });
      await store.download(key, join(folder, "down"), { sha256: hash });
      expect(sha256(await readFile(join(folder, "down")))).toBe(hash);
      expect(sha256(await store.get(key, { sha256: hash }))).toBe(hash);
      expect(sha256(await collect(await store.read(key)))).toBe(hash);
      expect(Buffer.from(await store.getRange(key, 40 * MIB, 40 * MIB + 5)).equals(large.subarray(40 * MIB, 40 * MIB + 5))).toBe(true);
    });

    it("can be left in the middle of reading", async () => {
      const key = `${place()}/large`;
      await store.uploadStream(key, chunksOf(large));
      for (let reader = 0; reader < 100; reader++) for await (const chunk of await store.read(key)) if (chunk.length > 0) break;
      expect(await store.head(key)).toEqual({ sizeBytes: large.length });
    });

    it("are replaced as a whole, never mixed, under a reader", async () => {
      const key = `${place()}/large`;
      const versions = [1, 2].map((byte) => Buffer.alloc(9 * MIB, byte));
      await store.uploadStream(key, chunksOf(versions[0]!));
      const reading = collect(await store.read(key));
      await store.uploadStream(key, chunksOf(versions[1]!));
      expect(versions.some((version) => version.equals(Buffer.alloc(0)))).toBe(false);
      const seen = await reading;
      expect(versions.some((version) => version.equals(seen))).toBe(true);
      expect(versions[1]!.equals(await store.get(key))).toBe(true);
    });

    for (const [size, bytes] of [
      ["small", large.subarray(0, 1_000)],
      ["large", large.subarray(0, 30 * MIB)],
    ] as const) {
      it(`a ${size} upload whose source breaks off passes its error on and leaves nothing`, async () => {
        const key = `${place()}/broken`;
        const chunkBytes = Math.ceil(bytes.length / 10);
        await expect(store.uploadStream(key, chunksThenFail(bytes, chunkBytes, bytes.length - chunkBytes))).rejects.toThrow(
          "the source broke off",
        );
        expect(await store.head(key)).toBeNull();
        expect(await subject.unfinished()).toEqual([]);
      });

      it(`a ${size} upload with a wrong hash is refused and leaves what was there`, async () => {
        const key = `${place()}/wrong`;
        const upload = (): Promise<unknown> => store.uploadStream(key, chunksOf(bytes), { sha256: sha256(Buffer.from("else")) });
        expect(await codeOf(upload())).toBe("OBJECT_CORRUPT");
        expect(await store.head(key)).toBeNull();
        await store.put(key, "before");
        expect(await codeOf(upload())).toBe("OBJECT_CORRUPT");
        expect(text(await store.get(key))).toBe("before");
        expect(await store.uploadStream(key, chunksOf(bytes), { sha256: sha256(bytes) })).toEqual({
          sha256: sha256(bytes),
          sizeBytes: bytes.length,
        });
        expect(await subject.unfinished()).toEqual([]);
      });
    }

    it("an upload of a file that is not there says so and leaves nothing", async () => {
      const key = `${place()}/none`;
      await expect(store.upload(key, join(await temporaryFolder(), "none"))).rejects.toMatchObject({ code: "ENOENT" });
      expect(await store.head(key)).toBeNull();
    });

    it("a small file goes up with its hash", async () => {
      const path = join(await temporaryFolder(), "log.jsonl");
      await writeFile(path, "line\n");
      const key = `${place()}/log.jsonl`;
      expect(await store.upload(key, path)).toEqual({ sha256: sha256(Buffer.from("line\n")), sizeBytes: 5 });
      expect(text(await store.get(key))).toBe("line\n");
    });

    it("an empty upload is an empty object", async () => {
      const key = `${place()}/empty`;
      expect(await store.uploadStream(key, chunksOf(Buffer.alloc(0)))).toEqual({ sha256: sha256(Buffer.alloc(0)), sizeBytes: 0 });
      expect(await store.head(key)).toEqual({ sizeBytes: 0 });
    });

    it("a download with a wrong hash leaves the old file and nothing else", async () => {
      const folder = join(await temporaryFolder(), "cache");
      await mkdir(folder);
      const key = `${place()}/a`;
      await store.put(key, "content");
      await writeFile(join(folder, "file"), "old");
      expect(await codeOf(store.download(key, join(folder, "file"), { sha256: hash }))).toBe("OBJECT_CORRUPT");
      expect(await readdir(folder)).toEqual(["file"]);
      expect(await readFile(join(folder, "file"), "utf8")).toBe("old");
    });
  });

  it("passes the probe for conditional writes, which leaves nothing", async () => {
    await probeConditionalWrites(store);
    expect(await keysOf(store, "probe/")).toEqual([]);
  });
}
