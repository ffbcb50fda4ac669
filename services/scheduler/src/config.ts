// The scheduler's environment, read once.
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { DEFAULT_NAMESPACE, DEFAULT_PORT, SaphenaError, explainIssues } from "@saphena/contracts";

const schema = z.object({
  SAPHENA_REDIS_URL: z.string().default("redis://127.0.0.1:6379"),
  SAPHENA_STORE: z.string(),
  SAPHENA_NAMESPACE: z.string().min(1).default(DEFAULT_NAMESPACE),
  SAPHENA_TOKEN: z.string().min(8).optional(),
  SAPHENA_HOST: z.string().min(1).default("127.0.0.1"),
  SAPHENA_PORT: z.coerce.number().int().min(0).max(65535).default(DEFAULT_PORT),
  SAPHENA_AGGREGATOR_URL: z.url().default("http://127.0.0.1:8322"),
  SAPHENA_LEASE_MS: z.coerce.number().int().min(200).default(10_000),
  SAPHENA_PARENT_PID: z.coerce.number().int().positive().optional(),
  SAPHENA_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
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
  logLevel: string;
  /** The process ends when this one has. */
  parentPid: number | null;
}

/** Throws ENVIRONMENT_INVALID with one line a problem. */
export function schedulerOptions(environment: NodeJS.ProcessEnv): SchedulerOptions {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw new SaphenaError("ENVIRONMENT_INVALID", explainIssues(schema, parsed.error, withoutSecrets(given)).join("; "));
  const values = parsed.data;
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
    parentPid: values.SAPHENA_PARENT_PID ?? null,
  };
}

/** Messages name the value they complain about; a token or a URL's password is none of a log's business. */
function withoutSecrets(given: Record<string, string | undefined>): Record<string, string | undefined> {
  return { ...given, SAPHENA_TOKEN: given["SAPHENA_TOKEN"] === undefined ? undefined : "(hidden)" };
}
