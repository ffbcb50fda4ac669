// The read API under /api/v1/results, reached through the scheduler's front door. A reader that sends `x-saphena-after` with a
// stream id is answered from an index that has at least that event, so `trials` right after `--watch` ended is complete.
import { timingSafeEqual, createHash } from "node:crypto";
import { API, SaphenaError } from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";
import { fastify } from "fastify";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { z } from "zod";
import type { Aggregation } from "./aggregate.ts";
import type { IndexDatabase } from "./index-database.ts";
import { bestTrial, curves, pointNames, results, trialRows } from "./queries.ts";
import { rebuildIndex } from "./rebuild.ts";

const CATCH_UP_MS = 10_000;
const STREAM_ID = /^\d+-\d+$/;
const sweepParams = z.object({ sweep: z.string().max(64) });
const curveQuery = z.object({ name: z.string().min(1).max(100) });
const trialParams = sweepParams.extend({ trial: z.coerce.number().int().nonnegative() });

export interface ApiParts {
  index: IndexDatabase;
  store: ObjectStore;
  aggregation: Aggregation;
  log: Logger;
  token: string | null;
}

export function createApi(parts: ApiParts): FastifyInstance {
  const { index, store, aggregation, log, token } = parts;
  const app = fastify({ logger: false, bodyLimit: 64 * 1024 });
  app.setErrorHandler((thrown, _request, reply) => {
    const error = thrown instanceof z.ZodError ? new SaphenaError("REQUEST_INVALID", thrown.issues[0]?.message) : SaphenaError.from(thrown);
    if (error.code === "INTERNAL") log.error({ err: thrown }, "request failed");
    return reply.status(error.httpStatus).send({ error: error.toBody() });
  });
  app.get("/healthz", () => ({ ok: true }));
  app.get("/readyz", () => ({ ok: true }));
  app.addHook("onRequest", async (request) => {
    if (token === null || request.url === "/healthz" || request.url === "/readyz") return;
    if (!sameToken(request.headers.authorization ?? "", `Bearer ${token}`)) throw new SaphenaError("TOKEN_WRONG");
  });
  app.addHook("preHandler", async (request) => {
    const after = request.headers["x-saphena-after"];
    if (typeof after !== "string" || !STREAM_ID.test(after)) return;
    if (!(await aggregation.caughtUp(after, CATCH_UP_MS)))
      throw new SaphenaError("SERVER_NOT_READY", "the aggregator is behind the event stream");
  });
  const base = `${API}/results`;
  app.get(`${base}/sweeps/:sweep/trials`, (request) => trialRows(index, sweepParams.parse(request.params).sweep));
  app.get(`${base}/sweeps/:sweep/trials/:trial/results`, (request) => {
    const { sweep, trial } = trialParams.parse(request.params);
    return results(index, sweep, trial);
  });
  app.get(`${base}/sweeps/:sweep/best`, async (request) => ({ best: await bestTrial(index, sweepParams.parse(request.params).sweep) }));
  app.get(`${base}/sweeps/:sweep/curves`, (request) =>
    curves(index, sweepParams.parse(request.params).sweep, curveQuery.parse(request.query).name),
  );
  app.get(`${base}/sweeps/:sweep/point-names`, (request) => pointNames(index, sweepParams.parse(request.params).sweep));
  app.post(`${base}/rebuild`, () => aggregation.paused(() => rebuildIndex(index, store, log)));
  return app;
}

/** Constant-time: compares hashes, so neither content nor length shows in the time taken. */
function sameToken(given: string, right: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(right));
}
