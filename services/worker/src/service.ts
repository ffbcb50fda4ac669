// Opens what a worker process needs, divides its devices into slots, starts it, and closes in the reverse order.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Slot, TrainerPool } from "@saphena/contracts";
import { openStore } from "@saphena/object-store";
import { connectLiveState, createWorkerQueue } from "@saphena/queue";
import { serviceLog } from "@saphena/service";
import type { Logger } from "pino";
import type { WorkerConfig } from "./config.ts";
import { startDeviceReport } from "./device-report.ts";
import { SlotTable } from "./slot-table.ts";
import { createSweepData } from "./sweep-data.ts";
import { findDevices } from "./worker-devices.ts";
import { startWorker } from "./worker.ts";

const CANCEL_GRACE_MS = 5_000;
/** `nvidia-smi` wakes cards up and takes a second where there are many: not with every heartbeat. */
const DEVICE_REPORT_EVERY_MS = 10_000;

export interface TrainerSource {
  /** Whether its trainers can compute on GPUs at all. */
  readonly usesGpus: boolean;
  /** `folder`: for what trainers leave behind that belongs to no run. */
  open(parts: { slots: readonly Slot[]; folder: string; log: Logger }): TrainerPool;
}

export interface WorkerService {
  /** Drains and closes everything. */
  close(): Promise<void>;
}

export async function startWorkerService(config: WorkerConfig, source: TrainerSource): Promise<WorkerService> {
  const { redisUrl, namespace, leaseMs, worker, pool, host, environment } = config;
  const log = serviceLog("worker", config.logLevel, { worker });
  const store = await openStore(config.storeUrl, { warn: (line) => log.warn(line) });
  const state = await connectLiveState({
    redisUrl,
    namespace,
    leaseMs,
    onWarning: (text) => log.warn(text),
    onError: (error) => log.warn({ err: error }, "redis"),
  });
  const { slots, gpus } = await findDevices(
    { ...config, visible: environment["CUDA_VISIBLE_DEVICES"], order: environment["CUDA_DEVICE_ORDER"], engineUsesGpus: source.usesGpus },
    log,
  );
  log.info({ slots: slots.map(({ name }) => name) }, `${slots.length} slots`);
  const report = startDeviceReport({ slots, gpus, everyMs: DEVICE_REPORT_EVERY_MS, log });
  const queue = createWorkerQueue(state, {
    worker,
    pool,
    slots: slots.length,
    host,
    pid: process.pid,
    leaseMs,
    devices: () => report.current(),
  });
  const workFolder = await mkdtemp(join(tmpdir(), "saphena-worker-"));
  const trainers = source.open({ slots, folder: workFolder, log });
  const running = await startWorker({
    state,
    queue,
    store,
    data: createSweepData(store, config.cacheFolder),
    launch: trainers.launch,
    slots: new SlotTable(slots),
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
      // At once: nothing new will come, and what still runs needs the machine.
      const sparesGone = trainers.close();
      await running.drain();
      await sparesGone;
      report.close();
      await state.close();
      await store.close();
      await rm(workFolder, { recursive: true, force: true });
    },
  };
}
