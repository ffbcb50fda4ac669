// The aggregator's environment, read once.
import { z } from "zod";
import { DEFAULT_NAMESPACE } from "@saphena/contracts";
import { logLevelSchema, parseEnvironment } from "@saphena/service";
import type { LogLevel } from "@saphena/service";

const schema = z.object({
  SAPHENA_REDIS_URL: z.string().default("redis://127.0.0.1:6379"),
  SAPHENA_STORE: z.string(),
  SAPHENA_NAMESPACE: z.string().min(1).default(DEFAULT_NAMESPACE),
  SAPHENA_INDEX: z.string().default("index.duckdb"),
  SAPHENA_AGGREGATOR_HOST: z.string().default("127.0.0.1"),
  SAPHENA_AGGREGATOR_PORT: z.coerce.number().int().min(0).max(65535).default(8322),
  SAPHENA_TOKEN: z.string().min(8).optional(),
  SAPHENA_LOG_LEVEL: logLevelSchema,
});

export interface AggregatorConfig {
  redisUrl: string;
  storeUrl: string;
  namespace: string;
  indexPath: string;
  host: string;
  port: number;
  token: string | null;
  logLevel: LogLevel;
}

export function aggregatorConfig(environment: NodeJS.ProcessEnv = process.env): AggregatorConfig {
  const values = parseEnvironment(schema, environment);
  return {
    redisUrl: values.SAPHENA_REDIS_URL,
    storeUrl: values.SAPHENA_STORE,
    namespace: values.SAPHENA_NAMESPACE,
    indexPath: values.SAPHENA_INDEX,
    host: values.SAPHENA_AGGREGATOR_HOST,
    port: values.SAPHENA_AGGREGATOR_PORT,
    token: values.SAPHENA_TOKEN ?? null,
    logLevel: values.SAPHENA_LOG_LEVEL,
  };
}
