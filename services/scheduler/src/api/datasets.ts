// /datasets: what there is, and the way in. Only servers hold store credentials, so files travel through here, checked by their hash.
import {
  API,
  SaphenaError,
  datasetDetailSchema,
  datasetKeys,
  datasetNameSchema,
  datasetSummarySchema,
  errorReplySchema,
  missingReplySchema,
  missingRequestSchema,
  publishReplySchema,
  publishRequestSchema,
  sha256Schema,
} from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";
import { Readable } from "node:stream";
import { z } from "zod";
import type { DatasetCatalog } from "../dataset-catalog.ts";
import type { Api } from "@saphena/service";

const reference = z.object({ name: z.string().min(1).max(200) });
const named = z.object({ name: datasetNameSchema });
const object = named.extend({ sha256: sha256Schema });
const tags = ["datasets"];
/** One file of a dataset. */
const OBJECT_BYTES = 512 * 1024 * 1024;
/** 100,000 rows are about 60 MB. */
const PUBLISH_BYTES = 256 * 1024 * 1024;
const HASHES_BYTES = 16 * 1024 * 1024;

export interface DatasetParts {
  store: ObjectStore;
  catalog: DatasetCatalog;
  nowMs: () => Promise<number>;
}

export async function datasetRoutes(app: Api, { store, catalog, nowMs }: DatasetParts): Promise<void> {
  app.get(`${API}/datasets`, { schema: { tags, summary: "All datasets", response: { 200: z.array(datasetSummarySchema) } } }, () =>
    catalog.all(),
  );
  app.get(
    `${API}/datasets/:name`,
    {
      schema: {
        tags,
        summary: "One dataset: name, name@version or name@hash",
        params: reference,
        response: { 200: datasetDetailSchema, 404: errorReplySchema },
      },
    },
    (request) => catalog.detail(request.params.name),
  );
  app.post(
    `${API}/datasets/:name/missing`,
    {
      bodyLimit: HASHES_BYTES,
      schema: {
        tags,
        summary: "Which of these files are not stored yet",
        params: named,
        body: missingRequestSchema,
        response: { 200: missingReplySchema },
      },
    },
    async (request) => ({ missing: await catalog.missing(request.params.name, request.body.objects) }),
  );
  app.post(
    `${API}/datasets/:name/versions`,
    {
      bodyLimit: PUBLISH_BYTES,
      schema: {
        tags,
        summary: "Publish a version; the same content again is the same version",
        params: named,
        body: publishRequestSchema,
        response: { 200: publishReplySchema, 201: publishReplySchema, 400: errorReplySchema },
      },
    },
    async (request, reply) => {
      const published = await catalog.publish(request.params.name, request.body, await nowMs());
      return reply.status(published.created ? 201 : 200).send(published);
    },
  );
  app.get(`${API}/datasets/:name/objects/:sha256`, { schema: { tags, summary: "One file", params: object } }, async (request, reply) => {
    const key = datasetKeys.object(request.params.name, request.params.sha256);
    const head = await store.head(key);
    if (head === null) throw new SaphenaError("OBJECT_NOT_FOUND", key);
    const headers = {
      "content-type": "application/octet-stream",
      "content-length": String(head.sizeBytes),
      "cache-control": "private, immutable, max-age=31536000",
    };
    return reply.headers(headers).send(Readable.from(await store.read(key), { objectMode: false }));
  });
  // A scope of its own: here, and only here, bodies are streams.
  await app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, payload, parsed) => parsed(null, payload));
    uploadRoute(scope, store);
    done();
  });
}

function uploadRoute(app: Api, store: ObjectStore): void {
  const stored = z.object({ sha256: z.string(), sizeBytes: z.int() });
  app.put(
    `${API}/datasets/:name/objects/:sha256`,
    {
      bodyLimit: OBJECT_BYTES,
      schema: {
        tags,
        summary: "Send one file; its content must match the hash",
        params: object,
        response: { 200: stored, 201: stored, 400: errorReplySchema },
      },
    },
    async (request, reply) => {
      const { name, sha256 } = request.params;
      const key = datasetKeys.object(name, sha256);
      const body = request.body as AsyncIterable<Uint8Array> | undefined;
      if (body === undefined) throw new SaphenaError("REQUEST_INVALID", "the body is empty");
      const head = await store.head(key);
      if (head !== null) {
        for await (const _ of body); // read to its end, or the connection could not be used again
        return reply.status(200).send({ sha256, sizeBytes: head.sizeBytes });
      }
      return reply.status(201).send(await upload(store, key, atMost(body, OBJECT_BYTES), sha256));
    },
  );
}

/** What does not match its hash is the sender's mistake here, not damage in the store. */
async function upload(
  store: ObjectStore,
  key: string,
  body: AsyncIterable<Uint8Array>,
  sha256: string,
): Promise<{ sha256: string; sizeBytes: number }> {
  try {
    return await store.uploadStream(key, body, { sha256 });
  } catch (error) {
    if (error instanceof SaphenaError && error.code === "OBJECT_CORRUPT")
      throw new SaphenaError("REQUEST_INVALID", `the body is not the content with the hash ${sha256}`);
    throw error;
  }
}

async function* atMost(body: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new SaphenaError("REQUEST_INVALID", `a file may have ${mostBytes / 1024 / 1024} MB at most`);
    yield chunk;
  }
}
