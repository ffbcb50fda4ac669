// The whole system on real parts for tests and benchmarks: Redis with AOF, a store, and the built services as child processes,
// started by the same entries and environment as in production. Each child may be killed and started again.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@saphena/client";
import type { Client } from "@saphena/client";
import { freePort, startChild, startRedis, temporaryFolder, until } from "@saphena/testing";
import type { KitChild, TestRedis } from "@saphena/testing";
import { REPOSITORY, serviceEntry } from "./repository.ts";

export interface SystemOptions {
  workers: number;
  slots: number;
  /** Default: a new file:// folder. */
  storeUrl?: string;
  /** Added to every service's environment. */
  env?: NodeJS.ProcessEnv;
  /** Default: the real worker. */
  workerEntry?: string;
}

export interface System {
  readonly url: string;
  readonly client: Client;
  readonly redis: TestRedis;
  readonly storeUrl: string;
  readonly folder: string;
  /** What a CLI needs to talk to this system. */
  readonly env: NodeJS.ProcessEnv;
  readonly workers: KitChild[];
  scheduler: KitChild;
  aggregator: KitChild;
  startWorker(): Promise<KitChild>;
  startScheduler(): Promise<KitChild>;
  startAggregator(): Promise<KitChild>;
  ready(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSystem(options: SystemOptions): Promise<System> {
  const folder = await temporaryFolder("system");
  const [redis, port, aggregatorPort] = await Promise.all([startRedis(), freePort(), freePort()]);
  const storeUrl = options.storeUrl ?? pathToFileURL(join(folder, "store")).href;
  const url = `http://127.0.0.1:${port}`;
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    SAPHENA_REDIS_URL: redis.url,
    SAPHENA_STORE: storeUrl,
    SAPHENA_PORT: String(port),
    SAPHENA_AGGREGATOR_PORT: String(aggregatorPort),
    SAPHENA_AGGREGATOR_URL: `http://127.0.0.1:${aggregatorPort}`,
    SAPHENA_INDEX: join(folder, "index.duckdb"),
    SAPHENA_SLOTS: String(options.slots),
    SAPHENA_URL: url,
    SAPHENA_LOG_LEVEL: "info",
    ...options.env,
  };
  const start = (what: string, entry: string): Promise<KitChild> => startChild(what, process.execPath, [entry], { cwd: REPOSITORY, env });
  const client = createClient({ url });
  const workers: KitChild[] = [];
  const system: System = {
    url,
    client,
    redis,
    storeUrl,
    folder,
    env,
    workers,
    scheduler: await start("scheduler", serviceEntry("scheduler")),
    aggregator: await start("aggregator", serviceEntry("aggregator")),
    async startWorker() {
      const worker = await start("worker", options.workerEntry ?? serviceEntry("worker"));
      workers.push(worker);
      return worker;
    },
    startScheduler: async () => (system.scheduler = await start("scheduler", serviceEntry("scheduler"))),
    startAggregator: async () => (system.aggregator = await start("aggregator", serviceEntry("aggregator"))),
    async ready() {
      await until(async () => system.scheduler.ended || system.aggregator.ended || (await client.ready()), {
        timeoutMs: 60_000,
        what: "the system",
      });
      if (system.scheduler.ended || system.aggregator.ended)
        throw new Error(`a service ended:\n${system.scheduler.output()}\n${system.aggregator.output()}`);
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.end("SIGTERM", 30_000)));
      await Promise.all([system.scheduler.end("SIGTERM"), system.aggregator.end("SIGTERM")]);
      await redis.stop();
    },
  };
  await system.ready();
  for (let i = 0; i < options.workers; i++) await system.startWorker();
  return system;
}
