// Opens what a worker process needs, starts it, and closes in the reverse order.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LaunchTrainer } from "@saphena/contracts";
import { openStore } from "@saphena/object-store";
import { connectLiveState, createWorkerQueue } from "@saphena/queue";
import { serviceLog } from "@saphena/service";
import type { WorkerConfig } from "./config.ts";
import { createSweepData } from "./sweep-data.ts";
import { startWorker } from "./worker.ts";

const CANCEL_GRACE_MS = 5_000;

export interface WorkerService {
  /** Drains and closes everything. */
  close(): Promise<void>;
}

export async function startWorkerService(config: WorkerConfig, launch: LaunchTrainer): Promise<WorkerService> {
  const { redisUrl, namespace, leaseMs, worker, pool, slots, host } = config;
  const log = serviceLog("worker", config.logLevel, { worker });
  const store = await openStore(config.storeUrl, { warn: (line) => log.warn(line) });
  const state = await connectLiveState({
    redisUrl,
    namespace,
    leaseMs,
    onWarning: (text) => log.warn(text),
    onError: (error) => log.warn({ err: error }, "redis"),
  });
  const queue = createWorkerQueue(state, { worker, pool, slots, host, pid: process.pid, leaseMs });
  const workFolder = await mkdtemp(join(tmpdir(), "saphena-worker-"));
  const running = await startWorker({
    state,
    queue,
    store,
    data: createSweepData(store, config.cacheFolder),
    launch,
    worker,
    workFolder,
    heartbeatMs: config.heartbeatMs,
    limits: { cancel: CANCEL_GRACE_MS, release: config.releaseGraceMs, silence: config.stallMs },
    checkpointEvery: config.checkpointEvery,
    log,
    now: Date.now,
    nonce: randomUUID,
  });
  return {
    async close() {
      await running.drain();
      await state.close();
      await store.close();
      await rm(workFolder, { recursive: true, force: true });
    },
  };
}
