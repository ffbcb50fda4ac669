// What the tests of the worker share: a sweep in a real Redis and a folder, and trainers that do as a test tells them.
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SCHEMA_VERSION, datasetKeys, parseSweepFile, sweepIdFrom, sweepKeys } from "@saphena/contracts";
import type { FromTrainer, LaunchTrainer, LiveRun, ManifestRow, SweepRecord, TrainerEvents, TrainerStart } from "@saphena/contracts";
import { computeSplits, datasetRecord, formatManifest } from "@saphena/dataset";
import { openStore } from "@saphena/object-store";
import type { ObjectStore } from "@saphena/object-store";
import { connectLiveState, createLeaderQueue, createWorkerQueue } from "@saphena/queue";
import type { LeaderQueue, LiveState } from "@saphena/queue";
import { makeTinyDataset, namespace, temporaryFolder, until } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import type { AttemptParts } from "./attempt.ts";
import { SlotTable } from "./slot-table.ts";
import { slotPlan } from "./slot-plan.ts";
import { createSweepData } from "./sweep-data.ts";

export const FINGERPRINT = { engine: "scripted", tensorflowVersion: "none", deviceKind: "none", instructionSet: "none", threads: 1 };

export interface Rig {
  state: LiveState;
  leader: LeaderQueue;
  store: ObjectStore;
  cacheFolder: string;
  sweep: SweepRecord;
  parts: AttemptParts;
  /** Dispatches a waiting run and tells its attempt. */
  dispatch(): Promise<{ run: string; attempt: number }>;
  run(id: string): Promise<LiveRun>;
  keys(prefix: string): Promise<string[]>;
}

const LEASE_MS = 10_000;
const SIDE = 16;

/** One sweep of one fold; closed when the test has finished. `wrap`: the store as the worker sees it. */
export async function openRig(redis: TestRedis, launch: LaunchTrainer, wrap = (store: ObjectStore): ObjectStore => store): Promise<Rig> {
  const state = await connectLiveState({ redisUrl: redis.url, namespace: namespace("worker").redis, leaseMs: LEASE_MS });
  onTestFinished(() => state.close());
  const store = await openStore(`file://${await temporaryFolder("store")}`);
  const leader = createLeaderQueue(state, { owner: "leader-1" });
  await leader.tryLead();
  const sweep = await publishSweep(store);
  await state.submitSweep(sweep);
  let trials = 0;
  const seen = wrap(store);
  const cacheFolder = await temporaryFolder("cache");
  const parts: AttemptParts = {
    queue: createWorkerQueue(state, { worker: "worker-1", pool: "default", slots: 2, host: "here", pid: 1 }),
    store: seen,
    data: createSweepData(seen, cacheFolder),
    launch,
    slots: new SlotTable(slotPlan([], { slots: 2, slotsPerDevice: null, offset: 0, cores: 1 })),
    worker: "worker-1",
    workFolder: await temporaryFolder("work"),
    limits: { cancel: 1_000, release: 1_000, silence: 60_000 },
    checkpointEvery: 1,
    log: pino({ level: "silent" }),
    now: Date.now,
    nonce: () => randomBytes(8).toString("hex"),
  };
  return {
    state,
    leader,
    store,
    cacheFolder,
    sweep,
    parts,
    async dispatch() {
      if ((await leader.backlog(sweep.id, 1)).length === 0) {
        await leader.createTrials(sweep.id, trials, [{ parameters: {}, retryOf: null }]);
        trials += 1;
      }
      const [run] = (await leader.backlog(sweep.id, 1)) as [string];
      await leader.dispatch([{ run, pool: "default" }]);
      return { run, attempt: (await state.run(run))!.attempt };
    },
    run: async (id) => (await state.run(id))!,
    async keys(prefix) {
      const found: string[] = [];
      for await (const { key } of store.list(prefix)) found.push(key);
      return found;
    },
  };
}

async function publishSweep(store: ObjectStore): Promise<SweepRecord> {
  const { folder, rows } = await makeTinyDataset(await temporaryFolder("tiny"), { size: SIDE });
  const put = async (path: string): Promise<ManifestRow["image"]> => {
    const bytes = await readFile(join(folder, path));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await store.put(datasetKeys.object("tiny", sha256), bytes);
    return { sha256, sizeBytes: bytes.length, width: SIDE, height: SIDE, format: "png" };
  };
  const manifest: ManifestRow[] = [];
  for (const { id, image, mask, label, group } of rows)
    manifest.push({ id, image: await put(image), mask: mask === null ? null : await put(mask), label, group, source: null, weight: 1 });
  const dataset = datasetRecord("tiny", manifest, { labels: ["mild", "severe"], merge: {}, maskClasses: null });
  await store.put(datasetKeys.record("tiny", dataset.hash), JSON.stringify(dataset));
  await store.put(datasetKeys.manifest("tiny", dataset.hash), formatManifest(manifest));
  const spec = parseSweepFile({
    name: "tiny",
    dataset: "tiny",
    budget: { trials: 5 },
    cv: { folds: 1 },
    model: { depth: 2, baseFilters: 2, inputSize: SIDE },
  });
  const { splits } = computeSplits(manifest, dataset.labels, spec.cv, dataset.hash);
  const id = sweepIdFrom(randomBytes(12));
  await store.put(sweepKeys.splits(id), JSON.stringify(splits));
  return {
    schemaVersion: SCHEMA_VERSION,
    id,
    spec,
    dataset: { name: "tiny", hash: dataset.hash, labels: dataset.labels, maskClasses: 2 },
    heads: "both",
    splitsHash: splits.hash,
    folds: 1,
    submittedAtMs: 1,
  };
}

/** A trainer that was launched: the test says its words. */
export interface ScriptedTrainer {
  start: TrainerStart;
  say(message: FromTrainer): void;
  exit(): void;
  killed: boolean;
}

export interface Script {
  launch: LaunchTrainer;
  trainers: ScriptedTrainer[];
  /** The n-th trainer, once it was told to start. */
  trainer(index: number): Promise<ScriptedTrainer>;
}

/** `begun` false: trainers never get ready. A stop is obeyed at once. */
export function scriptedTrainers(begun = true): Script {
  const trainers: ScriptedTrainer[] = [];
  const launch: LaunchTrainer = (_options, events: TrainerEvents) => {
    let ended = false;
    const exit = (signal: string | null): void => {
      if (ended) return;
      ended = true;
      events.exit({ code: signal === null ? 0 : null, signal, stderrTail: "" });
    };
    let trainer: ScriptedTrainer | undefined;
    if (begun) setImmediate(() => events.message({ type: "ready" }));
    return {
      send(message) {
        if (message.type === "start") {
          trainer = { start: message, say: (said) => events.message(said), exit: () => exit(null), killed: false };
          trainers.push(trainer);
        } else {
          events.message({ type: "stopped", how: message.how, epoch: 0 });
          exit(null);
        }
      },
      kill(signal) {
        if (trainer !== undefined) trainer.killed = true;
        exit(signal);
      },
    };
  };
  return { launch, trainers, trainer: (index) => until(() => trainers[index] ?? null, { what: `trainer ${index}` }) };
}

export function finishedWith(files: Extract<FromTrainer, { type: "finished" }>["files"] = []): FromTrainer {
  return {
    type: "finished",
    epochs: 1,
    metrics: { dice: 0.5 },
    files,
    trainSeconds: 1,
    imagesPerSecond: null,
    fingerprint: FINGERPRINT,
    resumedFrom: [],
  };
}

/** A store whose named methods are ours; all else is the real one's. */
export function storeWith(store: ObjectStore, changes: Partial<ObjectStore>): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const own = changes[name as keyof ObjectStore];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
