// The worker's environment, read once.
import { hostname } from "node:os";
import { z } from "zod";
import { DEFAULT_NAMESPACE, ENGINE_NAMES, KERNEL_CHOICES, POOL_NAME } from "@saphena/contracts";
import type { EngineName } from "@saphena/contracts";
import { logLevelSchema, parseEnvironment } from "@saphena/service";
import type { LogLevel } from "@saphena/service";
import { cacheFolder } from "@saphena/setup";

const schema = z.object({
  SAPHENA_REDIS_URL: z.string().default("redis://127.0.0.1:6379"),
  SAPHENA_STORE: z.string(),
  SAPHENA_NAMESPACE: z.string().min(1).default(DEFAULT_NAMESPACE),
  SAPHENA_POOL: z.string().regex(POOL_NAME).default("default"),
  SAPHENA_SLOTS: z.coerce.number().int().min(1).max(256).optional(),
  SAPHENA_SLOTS_PER_DEVICE: z.coerce.number().int().min(1).max(64).optional(),
  SAPHENA_SLOT_OFFSET: z.coerce.number().int().min(0).default(0),
  SAPHENA_WORKER_ID: z.string().min(1).optional(),
  SAPHENA_LEASE_MS: z.coerce.number().int().min(200).default(10_000),
  SAPHENA_HEARTBEAT_MS: z.coerce.number().int().min(50).default(5_000),
  SAPHENA_RELEASE_GRACE_MS: z.coerce.number().int().min(100).default(20_000),
  SAPHENA_STALL_MS: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(2 ** 31 - 1)
    .default(1_800_000),
  SAPHENA_SPARE_TRAINERS: z.enum(["0", "1"]).default("1"),
  SAPHENA_ENGINE: z.enum(ENGINE_NAMES).optional(),
  // Read by the trainers; refused here when it means nothing.
  SAPHENA_KERNELS: z.enum(KERNEL_CHOICES).default("own"),
  SAPHENA_CHECKPOINT_EVERY: z.coerce.number().int().min(1).default(1),
  SAPHENA_LOG_LEVEL: logLevelSchema,
});

export interface WorkerConfig {
  redisUrl: string;
  storeUrl: string;
  namespace: string;
  pool: string;
  /** null = as many as the devices carry. */
  slots: number | null;
  slotsPerDevice: number | null;
  slotOffset: number;
  worker: string;
  host: string;
  leaseMs: number;
  heartbeatMs: number;
  releaseGraceMs: number;
  stallMs: number;
  checkpointEvery: number;
  /** Whether a trainer waits for the next run of each slot. */
  spareTrainers: boolean;
  /** The engine asked for; undefined = the best there is. */
  engine: EngineName | undefined;
  logLevel: LogLevel;
  cacheFolder: string;
  environment: NodeJS.ProcessEnv;
}

/** `unique` sets the workers of one host apart. */
export function workerConfig(unique: string, environment: NodeJS.ProcessEnv = process.env): WorkerConfig {
  const values = parseEnvironment(schema, environment);
  const host = hostname();
  return {
    redisUrl: values.SAPHENA_REDIS_URL,
    storeUrl: values.SAPHENA_STORE,
    namespace: values.SAPHENA_NAMESPACE,
    pool: values.SAPHENA_POOL,
    slots: values.SAPHENA_SLOTS ?? null,
    slotsPerDevice: values.SAPHENA_SLOTS_PER_DEVICE ?? null,
    slotOffset: values.SAPHENA_SLOT_OFFSET,
    worker: values.SAPHENA_WORKER_ID ?? `${host}-${unique}`,
    host,
    leaseMs: values.SAPHENA_LEASE_MS,
    heartbeatMs: values.SAPHENA_HEARTBEAT_MS,
    releaseGraceMs: values.SAPHENA_RELEASE_GRACE_MS,
    stallMs: values.SAPHENA_STALL_MS,
    spareTrainers: values.SAPHENA_SPARE_TRAINERS === "1",
    engine: values.SAPHENA_ENGINE,
    checkpointEvery: values.SAPHENA_CHECKPOINT_EVERY,
    logLevel: values.SAPHENA_LOG_LEVEL,
    cacheFolder: cacheFolder(),
    environment,
  };
}
