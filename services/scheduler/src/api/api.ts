// The front door: every route of the HTTP API, the dashboard, health.
import { fastifySwagger } from "@fastify/swagger";
import type { ObjectStore } from "@saphena/object-store";
import type { LiveState } from "@saphena/queue";
import { createHttpServer } from "@saphena/service";
import type { Api } from "@saphena/service";
import { createJsonSchemaTransform } from "fastify-type-provider-zod";
import type { Logger } from "pino";
import { DatasetCatalog } from "../dataset-catalog.ts";
import type { DecisionLog } from "../decision-log.ts";
import { LiveEvents } from "../live-events.ts";
import { dashboardRoutes } from "./dashboard.ts";
import { datasetRoutes } from "./datasets.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { resultRoutes } from "./results-proxy.ts";
import { runRoutes } from "./runs.ts";
import { sweepRoutes } from "./sweeps.ts";

export interface ApiParts {
  state: LiveState;
  store: ObjectStore;
  decisions: DecisionLog;
  log: Logger;
  token: string | null;
  aggregatorUrl: string;
  dashboardFolder: string;
}

export async function createApi(parts: ApiParts): Promise<Api> {
  const { state, store, log } = parts;
  const app = createHttpServer(log, parts.token);
  await app.register(fastifySwagger, {
    openapi: { openapi: "3.1.0", info: { title: "Saphena", description: "Hyperparameter sweeps with cross-validation", version: "1" } },
    transform: createJsonSchemaTransform({ skipList: [] }),
  });
  const catalog = new DatasetCatalog(store);
  const live = new LiveEvents(state, log);
  app.addHook("onClose", (_app, done) => {
    live.close();
    done();
  });
  healthRoutes(app, parts);
  sweepRoutes(app, { ...parts, catalog });
  eventRoutes(app, { state, live });
  runRoutes(app, parts);
  await datasetRoutes(app, { store, catalog, nowMs: () => state.nowMs() });
  await resultRoutes(app, parts);
  await dashboardRoutes(app, { folder: parts.dashboardFolder, log });
  return app;
}
