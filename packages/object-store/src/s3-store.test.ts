import { inspect } from "node:util";
import { CreateMultipartUploadCommand, AbortMultipartUploadCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { SaphenaError } from "@saphena/contracts";
import { freePort, namespace, NO_S3_REASON, startFaultProxy, startVersitygw, type FaultProxy } from "@saphena/testing";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { openStore, probeConditionalWrites, type ObjectStore } from "./index.ts";
import { describeObjectStore } from "./object-store.case.ts";

// At the top level, because vitest must know before it collects the tests whether they can run.
const s3 = await startVersitygw();
afterAll(() => s3?.stop());

describe.skipIf(s3 === null)(`the s3:// store on versitygw${s3 === null ? ` (skipped: ${NO_S3_REASON})` : ""}`, () => {
  const server = s3!; // the tests do not run without it
  const bucket = namespace(import.meta.url).store;
  const client = (): S3Client =>
    new S3Client({
      endpoint: server.endpoint,
      forcePathStyle: true,
      region: "us-east-1",
      credentials: { accessKeyId: server.env["AWS_ACCESS_KEY_ID"]!, secretAccessKey: server.env["AWS_SECRET_ACCESS_KEY"]! },
    });
  const unfinished = async (): Promise<string[]> => {
    const { Uploads } = await client().send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    return (Uploads ?? []).map((upload) => upload.Key ?? "");
  };

  describeObjectStore(async () => {
    const url = `${await server.bucketUrl(bucket)}/some prefix/store`;
    const open = (): Promise<ObjectStore> => openStore(url, { env: server.env });
    return { store: await open(), again: open, unfinished };
  });

  it("would show an upload that was left unfinished", async () => {
    await server.bucketUrl(bucket);
    const { UploadId } = await client().send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: "left" }));
    expect(await unfinished()).toEqual(["left"]);
    await client().send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: "left", UploadId }));
  });

  it("keeps prefixes of one bucket apart", async () => {
    const url = await server.bucketUrl(bucket);
    const [a, b] = await Promise.all(["a", "ab/"].map((prefix) => openStore(`${url}/${prefix}`, { env: server.env })));
    await a!.put("x", "of a");
    await b!.put("x", "of ab");
    for await (const { key } of a!.list("")) expect(key).toBe("x");
    expect(Buffer.from(await a!.get("x")).toString()).toBe("of a");
  });

  describe("says why the store cannot be used, without the secret", () => {
    const failure = async (env: Record<string, string>, name = bucket): Promise<SaphenaError> => {
      await server.bucketUrl(bucket);
      const store = await openStore(`s3://${name}/x`, { env: { ...server.env, ...env } });
      const error = await probeConditionalWrites(store).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SaphenaError);
      for (const secret of [...Object.values(env), server.env["AWS_SECRET_ACCESS_KEY"]!, server.env["AWS_ACCESS_KEY_ID"]!])
        if (!secret.startsWith("http")) expect(inspect(error, { depth: 10 })).not.toContain(secret);
      return error as SaphenaError;
    };

    it("when the secret is wrong", async () => {
      const error = await failure({ AWS_SECRET_ACCESS_KEY: "not-the-secret" });
      expect(error).toMatchObject({
        code: "STORE_UNREACHABLE",
        message: expect.stringContaining("the credentials were refused (SignatureDoesNotMatch)"),
      });
    });

    it("when the access key is unknown", async () => {
      const error = await failure({ AWS_ACCESS_KEY_ID: "nobody-knows-it" });
      expect(error).toMatchObject({ code: "STORE_UNREACHABLE", message: expect.stringContaining("the credentials were refused") });
    });

    it("when there is no such bucket", async () => {
      const error = await failure({}, "no-such-bucket");
      expect(error).toMatchObject({ code: "STORE_UNREACHABLE", message: expect.stringContaining("there is no such bucket") });
    });

    it("when nothing listens", async () => {
      const error = await failure({ AWS_ENDPOINT_URL: `http://127.0.0.1:${await freePort()}` });
      expect(error).toMatchObject({ code: "STORE_UNREACHABLE", message: expect.stringContaining("ECONNREFUSED") });
    });

    it("when the host has no address", async () => {
      const error = await failure({ AWS_ENDPOINT_URL: "http://user:hidden@store.invalid" });
      expect(error).toMatchObject({
        code: "STORE_UNREACHABLE",
        message: expect.stringMatching(/at http:\/\/store\.invalid.*(ENOTFOUND|EAI_AGAIN)/),
      });
    });
  });

  describe("behind a network that fails", () => {
    let proxy: FaultProxy | undefined;
    afterEach(() => proxy?.stop());
    const open = async (): Promise<ObjectStore> => {
      proxy = await startFaultProxy(server.endpoint);
      return openStore(`${await server.bucketUrl(bucket)}/faulty-${namespace("").store}`, {
        env: { ...server.env, AWS_ENDPOINT_URL: proxy.endpoint },
      });
    };
    /** The first `times` requests of this method meet the fault. */
    const inject = (method: string, times: number, fault: ReturnType<FaultProxy["fault"]>): void => {
      let left = times;
      proxy!.fault = (each) => (each === method && left-- > 0 ? fault : { type: "pass" });
    };
    const error = (code: string): string => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>injected</Message></Error>`;

    it("a create whose answer was lost is created, not lost", async () => {
      const store = await open();
      inject("PUT", 1, { type: "lose-answer" });
      expect(await store.create("a", "nonce-1")).toBe("created");
      expect(proxy!.requests.map((line) => line.split(" ")[0])).toEqual(["PUT", "PUT", "GET"]); // the second one got a 412
      expect(await store.create("a", "nonce-2")).toBe("lost");
    });

    it("a create whose answers were all lost is told by what is stored", async () => {
      const store = await open();
      inject("PUT", 99, { type: "lose-answer" });
      expect(await store.create("a", "nonce-1")).toBe("created");
    });

    it("a create that never arrived fails as unreachable", async () => {
      const store = await open();
      inject("PUT", 99, { type: "answer", status: 503, body: error("SlowDown") });
      await expect(store.create("a", "nonce-1")).rejects.toMatchObject({ code: "STORE_UNREACHABLE", retryable: true });
      expect(await store.head("a")).toBeNull();
    });

    it("a conflict with another conditional write is tried again", async () => {
      const store = await open();
      inject("PUT", 2, { type: "answer", status: 409, body: error("ConditionalRequestConflict") });
      expect(await store.create("a", "nonce-1")).toBe("created");
    });

    it("a server without conditional writes is called unsuitable", async () => {
      const store = await open();
      inject("PUT", 99, { type: "answer", status: 501, body: error("NotImplemented") });
      await expect(probeConditionalWrites(store)).rejects.toMatchObject({ code: "STORE_UNSUITABLE" });
    });

    it("a body that breaks off is read again from its beginning", async () => {
      const store = await open();
      const body = Buffer.alloc(3_000_000, "x");
      await store.put("a", body);
      inject("GET", 1, { type: "cut-body", afterBytes: 100_000 });
      expect(body.equals(await store.get("a"))).toBe(true);
      inject("GET", 99, { type: "cut-body", afterBytes: 100_000 });
      await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    });

    it("a stream that breaks off fails instead of ending early", async () => {
      const store = await open();
      await store.put("a", Buffer.alloc(3_000_000, "x"));
      inject("GET", 1, { type: "cut-body", afterBytes: 100_000 });
      const chunks = await store.read("a");
      await expect(
        (async () => {
          for await (const chunk of chunks) expect(chunk.length).toBeGreaterThan(0);
        })(),
      ).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    });

    it("an upload to a server that fails half-way leaves nothing and frees its source", async () => {
      const store = await open();
      let freed = false;
      async function* source(): AsyncGenerator<Uint8Array> {
        try {
          for (let part = 0; part < 6; part++) yield Buffer.alloc(8 * 1024 * 1024, part);
        } finally {
          freed = true;
        }
      }
      let parts = 0;
      proxy!.fault = (method, path) =>
        method === "PUT" && path.includes("partNumber") && ++parts > 2
          ? { type: "answer", status: 500, body: error("InternalError") }
          : { type: "pass" };
      await expect(store.uploadStream("a", source())).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
      expect(freed).toBe(true);
      expect(await store.head("a")).toBeNull();
      expect(await unfinished()).toEqual([]);
    });
  });
});
