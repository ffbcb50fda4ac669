// The typed client of the HTTP API: one method a route, replies parsed by the schemas of contracts. Runs in Node and in browsers.
import {
  bestReplySchema,
  curveSchema,
  datasetDetailSchema,
  datasetSummarySchema,
  missingReplySchema,
  parseSweepFile,
  poolStatusSchema,
  publishReplySchema,
  rebuildReplySchema,
  runLogSchema,
  runStatusSchema,
  submitReplySchema,
  sweepIdFrom,
  sweepStatusSchema,
  trialRowSchema,
  workerStatusSchema,
} from "@saphena/contracts";
import type {
  BestReply,
  Curve,
  DatasetDetail,
  DatasetSummary,
  PoolStatus,
  PublishReply,
  PublishRequest,
  RunStatus,
  SweepAction,
  SweepFile,
  SweepStatus,
  TrialRow,
  WorkerStatus,
} from "@saphena/contracts";
import { readEvents, type SweepEvent } from "./event-stream.ts";
import { sweepHandle, type Sweep } from "./sweep-handle.ts";
import { createTransport, type ClientOptions } from "./transport.ts";

/** Every method may throw a SaphenaError: the server's own, SERVER_UNREACHABLE, or TOKEN_WRONG. */
export interface Client {
  readonly url: string;
  /** Checks the file, makes the id unless one is given, submits. Submitting the same id again is the same sweep. */
  submit(file: SweepFile, options?: { id?: string }): Promise<Sweep>;
  /** Newest first. */
  sweeps(): Promise<SweepStatus[]>;
  sweep(id: string, signal?: AbortSignal): Promise<SweepStatus>;
  /** What was submitted, with every default. */
  spec(id: string): Promise<unknown>;
  action(id: string, action: SweepAction): Promise<SweepStatus>;
  trials(id: string): Promise<TrialRow[]>;
  best(id: string): Promise<BestReply["best"]>;
  curves(id: string, name: string): Promise<Curve[]>;
  /** Live events until the loop is left or `signal` is aborted; reconnects by itself. */
  events(id: string, signal?: AbortSignal): AsyncGenerator<SweepEvent, void, undefined>;
  pools(): Promise<PoolStatus[]>;
  workers(signal?: AbortSignal): Promise<WorkerStatus[]>;
  run(run: string): Promise<RunStatus>;
  runLog(run: string): Promise<string[]>;
  datasets(): Promise<DatasetSummary[]>;
  /** `name` (highest version), `name@version` or `name@hash`. */
  dataset(reference: string): Promise<DatasetDetail>;
  /** Which of these objects the server does not have yet. Asked in parts, so any number may be given. */
  missing(name: string, hashes: readonly string[]): Promise<string[]>;
  /** The server checks the content against `sha256`. */
  putObject(name: string, sha256: string, body: Uint8Array | Blob): Promise<void>;
  object(name: string, sha256: string): Promise<Uint8Array>;
  /** All objects must be there already. The same content again gives the version it has. */
  publish(name: string, request: PublishRequest): Promise<PublishReply>;
  /** Has the aggregator make its index anew from the object store. */
  rebuildIndex(): Promise<Record<string, unknown>>;
  /** Is the server there and ready? Never throws, never waits long. */
  ready(): Promise<boolean>;
}

const MOST_HASHES = 50_000;
const UPLOAD_MS = 600_000;
const part = encodeURIComponent;

export function createClient(options: ClientOptions): Client {
  const transport = createTransport(options);
  const { json, request } = transport;
  const post = (body: unknown, idempotent: boolean) => ({ method: "POST", json: body, idempotent }) as const;
  const client: Client = {
    url: transport.url,
    submit: async (file, { id = newSweepId() } = {}) => {
      parseSweepFile(file); // bad input is told before a server is needed
      const reply = await json(submitReplySchema, "/sweeps", post({ id, spec: file }, true));
      return sweepHandle(client, reply.id, reply.warnings);
    },
    sweeps: () => json(sweepStatusSchema.array(), "/sweeps"),
    sweep: (id, signal) => json(sweepStatusSchema, `/sweeps/${part(id)}`, { signal }),
    spec: async (id): Promise<unknown> => (await request(`/sweeps/${part(id)}/spec`)).json(),
    // Adding trials twice adds twice; the other actions say what shall be.
    action: (id, action) =>
      json(sweepStatusSchema, `/sweeps/${part(id)}/actions`, post(action, action.action === "pause" || action.action === "cancel")),
    trials: (id) => json(trialRowSchema.array(), `/results/sweeps/${part(id)}/trials`),
    best: async (id) => (await json(bestReplySchema, `/results/sweeps/${part(id)}/best`)).best,
    curves: (id, name) => json(curveSchema.array(), `/results/sweeps/${part(id)}/curves?name=${part(name)}`),
    events: (id, signal) => readEvents(transport, `/sweeps/${part(id)}/events`, signal),
    pools: () => json(poolStatusSchema.array(), "/pools"),
    workers: (signal) => json(workerStatusSchema.array(), "/workers", { signal }),
    run: (run) => json(runStatusSchema, `/runs/${part(run)}`),
    runLog: async (run) => (await json(runLogSchema, `/runs/${part(run)}/log`)).lines,
    datasets: () => json(datasetSummarySchema.array(), "/datasets"),
    dataset: (reference) => json(datasetDetailSchema, `/datasets/${part(reference)}`),
    missing: async (name, hashes) => {
      const missing: string[] = [];
      for (let from = 0; from < hashes.length; from += MOST_HASHES) {
        const objects = hashes.slice(from, from + MOST_HASHES);
        missing.push(...(await json(missingReplySchema, `/datasets/${part(name)}/missing`, post({ objects }, true))).missing);
      }
      return missing;
    },
    putObject: async (name, sha256, body) => {
      const headers = { "content-type": "application/octet-stream" };
      await drained(await request(`/datasets/${part(name)}/objects/${sha256}`, { method: "PUT", body, headers, timeoutMs: UPLOAD_MS }));
    },
    object: async (name, sha256) =>
      new Uint8Array(await (await request(`/datasets/${part(name)}/objects/${sha256}`, { timeoutMs: UPLOAD_MS })).arrayBuffer()),
    publish: (name, body) => json(publishReplySchema, `/datasets/${part(name)}/versions`, { ...post(body, true), timeoutMs: UPLOAD_MS }),
    rebuildIndex: () => json(rebuildReplySchema, "/results/rebuild", { ...post({}, true), timeoutMs: UPLOAD_MS }),
    ready: () => isReady(options),
  };
  return client;
}

/** A sweep id of 12 random characters; the client makes it, so that a submit may be repeated. */
export function newSweepId(): string {
  return sweepIdFrom(globalThis.crypto.getRandomValues(new Uint8Array(12)));
}

/** Reads the rest of an answer nobody needs, so that the connection can be used again. */
async function drained(response: Response): Promise<void> {
  await response.arrayBuffer();
}

async function isReady(options: ClientOptions): Promise<boolean> {
  const send = options.fetch ?? globalThis.fetch;
  try {
    const response = await send(`${options.url.replace(/\/+$/, "")}/readyz`, { signal: AbortSignal.timeout(3_000) });
    await drained(response);
    return response.ok;
  } catch {
    return false;
  }
}
