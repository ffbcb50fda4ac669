// The scheduler's environment, read once.
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { DEFAULT_NAMESPACE, DEFAULT_PORT } from "@saphena/contracts";
import { logLevelSchema, parseEnvironment } from "@saphena/service";
import type { LogLevel } from "@saphena/service";

const schema = z.object({
  SAPHENA_REDIS_URL: z.string().default("redis://127.0.0.1:6379"),
  SAPHENA_STORE: z.string(),
  SAPHENA_NAMESPACE: z.string().min(1).default(DEFAULT_NAMESPACE),
  SAPHENA_TOKEN: z.string().min(8).optional(),
  SAPHENA_HOST: z.string().min(1).default("127.0.0.1"),
  SAPHENA_PORT: z.coerce.number().int().min(0).max(65535).default(DEFAULT_PORT),
  SAPHENA_AGGREGATOR_URL: z.url().default("http://127.0.0.1:8322"),
  SAPHENA_LEASE_MS: z.coerce.number().int().min(200).default(10_000),
  SAPHENA_LOG_LEVEL: logLevelSchema,
});

export interface SchedulerOptions {
  redisUrl: string;
  storeUrl: string;
  namespace: string;
  /** null = none asked; then only a loopback address may be bound. */
  token: string | null;
  host: string;
  /** 0 = any free port. */
  port: number;
  aggregatorUrl: string;
  /** Of the leader and of the workers. */
  leaseMs: number;
  /** The built dashboard; it need not exist. */
  dashboardFolder: string;
  logLevel: LogLevel;
}

/** Throws ENVIRONMENT_INVALID with one line a problem. */
export function schedulerOptions(environment: NodeJS.ProcessEnv = process.env): SchedulerOptions {
  const values = parseEnvironment(schema, environment);
  return {
    redisUrl: values.SAPHENA_REDIS_URL,
    storeUrl: values.SAPHENA_STORE,
    namespace: values.SAPHENA_NAMESPACE,
    token: values.SAPHENA_TOKEN ?? null,
    host: values.SAPHENA_HOST,
    port: values.SAPHENA_PORT,
    aggregatorUrl: values.SAPHENA_AGGREGATOR_URL,
    leaseMs: values.SAPHENA_LEASE_MS,
    dashboardFolder: fileURLToPath(new URL("../../dashboard/dist", import.meta.url)),
    logLevel: values.SAPHENA_LOG_LEVEL,
  };
}
