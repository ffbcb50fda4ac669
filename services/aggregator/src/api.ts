// The read API under /api/v1/results, reached through the scheduler's front door. A reader that sends `x-saphena-after` with a
// stream id is answered from an index that has at least that event, so `trials` right after `--watch` ended is complete.
import { API, SaphenaError } from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";
import { createHttpServer } from "@saphena/service";
import type { Api } from "@saphena/service";
import type { Logger } from "pino";
import { z } from "zod";
import type { Aggregation } from "./aggregate.ts";
import type { IndexDatabase } from "./index-database.ts";
import { bestTrial, curves, pointNames, results, trialRows } from "./queries.ts";
import { rebuildIndex } from "./rebuild.ts";

const CATCH_UP_MS = 10_000;
const STREAM_ID = /^\d+-\d+$/;
const params = z.object({ sweep: z.string().max(64) });
const trialParams = params.extend({ trial: z.coerce.number().int().nonnegative() });
const querystring = z.object({ name: z.string().min(1).max(100) });

export interface ApiParts {
  index: IndexDatabase;
  store: ObjectStore;
  aggregation: Aggregation;
  log: Logger;
  token: string | null;
}

export function createApi({ index, store, aggregation, log, token }: ApiParts): Api {
  const app = createHttpServer(log, token);
  app.get("/healthz", () => ({ ok: true }));
  app.get("/readyz", () => ({ ok: true }));
  app.addHook("preHandler", async (request) => {
    const after = request.headers["x-saphena-after"];
    if (typeof after !== "string" || !STREAM_ID.test(after)) return;
    if (!(await aggregation.caughtUp(after, CATCH_UP_MS)))
      throw new SaphenaError("SERVER_NOT_READY", "the aggregator is behind the event stream");
  });
  const sweep = `${API}/results/sweeps/:sweep`;
  app.get(`${sweep}/trials`, { schema: { params } }, ({ params: { sweep: id } }) => trialRows(index, id));
  app.get(`${sweep}/trials/:trial/results`, { schema: { params: trialParams } }, ({ params: { sweep: id, trial } }) =>
    results(index, id, trial),
  );
  app.get(`${sweep}/best`, { schema: { params } }, async ({ params: { sweep: id } }) => ({ best: await bestTrial(index, id) }));
  app.get(`${sweep}/curves`, { schema: { params, querystring } }, ({ params: { sweep: id }, query: { name } }) => curves(index, id, name));
  app.get(`${sweep}/point-names`, { schema: { params } }, ({ params: { sweep: id } }) => pointNames(index, id));
  app.post(`${API}/results/rebuild`, () => aggregation.paused(() => rebuildIndex(index, store, log)));
  return app;
}
