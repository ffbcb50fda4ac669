// What the scheduler's tests share: a scheduler in this process on a real Redis and a folder, workers that obey a script, a dataset.
import { createHash, randomUUID } from "node:crypto";
import { API, runId, runKeys, sweepIdFrom } from "@saphena/contracts";
import type { LiveRun, ManifestRow, Parameters, RunResult, SubmitReply, SweepFile, SweepStatus } from "@saphena/contracts";
import { datasetRecord } from "@saphena/dataset";
import { openStore } from "@saphena/object-store";
import type { ObjectStore } from "@saphena/object-store";
import { connectLiveState, createWorkerQueue } from "@saphena/queue";
import type { LiveState } from "@saphena/queue";
import { namespace, temporaryFolder, until } from "@saphena/testing";
import { schedulerOptions, startScheduler } from "./index.ts";
import type { Scheduler, SchedulerOptions } from "./index.ts";

export interface UnderTest {
  readonly scheduler: Scheduler;
  readonly options: SchedulerOptions;
  readonly store: ObjectStore;
  readonly state: LiveState;
  /** Another scheduler on the same Redis and store. */
  another(): Promise<Scheduler>;
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  publishDataset(name: string, changes?: DatasetChanges): Promise<void>;
  submit(file: Partial<SweepFile>, id?: string): Promise<SubmitReply>;
  status(sweep: string): Promise<SweepStatus>;
  finalStatus(sweep: string): Promise<SweepStatus>;
  startWorker(script: Script, options?: { slots?: number; worker?: string }): Promise<TestWorker>;
  close(): Promise<void>;
}

export interface DatasetChanges {
  masks?: boolean;
  labels?: string[];
}

/** How an attempt goes: a Dice, a failure, or "vanish": nothing more is heard of it. */
export type Ending = { dice: number } | { fails: "userError" | "crashed" | "outOfMemory" } | "vanish" | "vanishAfterCommit" | "wait";
export type Script = (run: LiveRun, parameters: Parameters) => Ending | Promise<Ending>;

export interface TestWorker {
  /** Attempts begun. */
  readonly attempts: { run: string; attempt: number }[];
  close(): Promise<void>;
}

export const LEASE_MS = 1000;

export async function startUnderTest(redisUrl: string, test: string, changes: Partial<SchedulerOptions> = {}): Promise<UnderTest> {
  const folder = await temporaryFolder("store");
  const environment = {
    SAPHENA_REDIS_URL: redisUrl,
    SAPHENA_STORE: `file://${folder}`,
    SAPHENA_NAMESPACE: namespace(test).redis,
    SAPHENA_PORT: "0",
    SAPHENA_LOG_LEVEL: "silent",
    SAPHENA_LEASE_MS: String(LEASE_MS),
  };
  const options: SchedulerOptions = { ...schedulerOptions(environment), dashboardFolder: folder, ...changes };
  const scheduler = await startScheduler(options);
  const store = await openStore(options.storeUrl);
  const state = await connectLiveState({ redisUrl, namespace: options.namespace, leaseMs: LEASE_MS });
  const closing: (() => Promise<void>)[] = [() => scheduler.close()];
  const call: UnderTest["call"] = async (method, path, body) => {
    const json = body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(`${scheduler.url}${path}`, { method, ...json });
    return { status: response.status, body: await response.json() };
  };
  const status = async (sweep: string): Promise<SweepStatus> => (await call("GET", `${API}/sweeps/${sweep}`)).body as SweepStatus;
  return {
    scheduler,
    options,
    store,
    state,
    call,
    status,
    another: async () => {
      const second = await startScheduler(options);
      closing.push(() => second.close());
      return second;
    },
    publishDataset: (name, dataset = {}) => publishDataset(call, scheduler.url, name, dataset),
    submit: async (file, id = newId()) => {
      const { status: code, body } = await call("POST", `${API}/sweeps`, {
        id,
        spec: { name: "t", dataset: "d", budget: { trials: 2 }, cv: { folds: 2 }, ...file },
      });
      if (code >= 300) throw new Error(JSON.stringify(body));
      return body as SubmitReply;
    },
    finalStatus: (sweep) =>
      until(
        async () => {
          const now = await status(sweep);
          return now.finishedAtMs === null ? null : now;
        },
        { what: `the end of ${sweep}` },
      ),
    startWorker: async (script, given = {}) => {
      const worker = await startWorker({
        redisUrl,
        namespace: options.namespace,
        store,
        script,
        slots: given.slots ?? 4,
        worker: given.worker ?? randomUUID(),
      });
      closing.push(() => worker.close());
      return worker;
    },
    close: async () => {
      for (const close of closing.toReversed()) await close();
      await state.close();
      await store.close();
    },
  };
}

export const newId = (): string => sweepIdFrom(createHash("sha256").update(randomUUID()).digest());

/** Forty groups of one image; the files are bytes that no server looks into. */
async function publishDataset(
  call: UnderTest["call"],
  url: string,
  name: string,
  { masks = true, labels = ["mild", "severe"] }: DatasetChanges,
): Promise<void> {
  const file = (text: string): ManifestRow["image"] & { body: string } => ({
    body: text,
    sha256: createHash("sha256").update(text).digest("hex"),
    sizeBytes: Buffer.byteLength(text),
    width: 8,
    height: 8,
    format: "png",
  });
  const bodies = new Map<string, string>();
  const stored = (text: string): ManifestRow["image"] => {
    const { body, ...rest } = file(text);
    bodies.set(rest.sha256, body);
    return rest;
  };
  const rows = Array.from({ length: 40 }, (_, i): ManifestRow => ({
    id: `image-${i}`,
    image: stored(`image ${i}`),
    mask: masks ? stored(`mask ${i}`) : null,
    label: labels.at(i % Math.max(1, labels.length)) ?? null,
    group: `g${i}`,
    source: null,
    weight: 1,
  }));
  for (const [sha256, body] of bodies) {
    const response = await fetch(`${url}${API}/datasets/${name}/objects/${sha256}`, {
      method: "PUT",
      body,
      headers: { "content-type": "application/octet-stream" },
    });
    if (!response.ok) throw new Error(await response.text());
    await response.arrayBuffer();
  }
  const reply = await call("POST", `${API}/datasets/${name}/versions`, {
    record: datasetRecord(name, rows, { labels, merge: {}, maskClasses: null }),
    rows,
  });
  if (reply.status !== 201) throw new Error(JSON.stringify(reply.body));
}

interface WorkerSettings {
  redisUrl: string;
  namespace: string;
  store: ObjectStore;
  script: Script;
  slots: number;
  worker: string;
}

/** A worker as the queue knows it: heartbeats, claims, commits. It trains nothing. */
async function startWorker({ redisUrl, namespace: space, store, script, slots, worker }: WorkerSettings): Promise<TestWorker> {
  const state = await connectLiveState({ redisUrl, namespace: space, leaseMs: LEASE_MS });
  const queue = createWorkerQueue(state, { worker, pool: "default", slots, host: "test", pid: process.pid });
  const attempts: TestWorker["attempts"] = [];
  const held = new Map<string, { run: string; attempt: number; epoch: number; epochs: number; imagesPerSecond: null }>();
  const cancelled = new Map<string, () => void>();
  const beat = async (): Promise<void> => {
    for (const [run, wish] of await queue.heartbeat([...held.values()])) if (wish !== "ok") cancelled.get(run)?.();
  };
  const work = async (id: string, attempt: number): Promise<void> => {
    const claim = await queue.claim(id, attempt);
    if (claim.reply !== "claimed") return;
    attempts.push({ run: id, attempt });
    held.set(id, { run: id, attempt, epoch: 0, epochs: 1, imagesPerSecond: null });
    const stopped = new Promise<"stopped">((resolve) => cancelled.set(id, () => resolve("stopped")));
    const ending = await script(claim.run, claim.parameters);
    if (ending === "wait") await stopped;
    if (ending !== "vanish" && ending !== "vanishAfterCommit") await conclude(id, attempt, ending, claim.run, claim.parameters);
    if (ending === "vanishAfterCommit")
      await store.create(runKeys.result(claim.run), JSON.stringify(resultOf(claim.run, claim.parameters, attempt, 0.5)));
    held.delete(id);
    cancelled.delete(id);
  };
  const conclude = async (
    id: string,
    attempt: number,
    ending: Exclude<Ending, "vanish" | "vanishAfterCommit">,
    run: LiveRun,
    parameters: Parameters,
  ): Promise<void> => {
    const failure = (reason: "cancelled" | "userError" | "crashed" | "outOfMemory") => ({
      attempt,
      reason,
      code: "LOSS_NOT_FINITE",
      message: `scripted ${reason}`,
      worker,
    });
    if (ending === "wait") return void (await queue.endAttempt(id, failure("cancelled")));
    if ("fails" in ending) {
      await queue.appendLog(id, [`the last words of ${id}`]);
      return void (await queue.endAttempt(id, failure(ending.fails)));
    }
    await queue.reportPoints(id, attempt, { epoch: 1, values: { dice: ending.dice } });
    if ((await queue.beginCommit(id, attempt)) !== "ok") return void (await queue.endAttempt(id, failure("cancelled")));
    const result = resultOf(run, parameters, attempt, ending.dice);
    if ((await store.create(runKeys.result(run), JSON.stringify(result))) === "created") await queue.finish(result);
  };
  await beat();
  const unlisten = await state.onControl((message) => {
    if (message.action !== "cancel") return;
    for (const [run, cancel] of cancelled) if (message.run === run || (message.run === null && run.startsWith(message.sweep))) cancel();
  });
  const timer = setInterval(() => void beat().catch(() => undefined), LEASE_MS / 4);
  const delivery = await queue.consume(work);
  return {
    attempts,
    close: async () => {
      clearInterval(timer);
      for (const cancel of cancelled.values()) cancel();
      await delivery.close();
      await unlisten();
      await queue.removeWorker();
      await state.close();
    },
  };
}

export function resultOf(run: Pick<LiveRun, "sweep" | "trial" | "fold">, parameters: Parameters, attempt: number, dice: number): RunResult {
  const { sweep, trial, fold } = run;
  return {
    schemaVersion: 1,
    run: runId({ sweep, trial, fold }),
    sweep,
    trial,
    fold,
    attempt,
    state: "completed",
    reason: null,
    parameters,
    seed: 1,
    fingerprint: null,
    resumedFrom: [],
    nonce: randomUUID(),
    epochs: 1,
    metrics: { dice, accuracy: dice, score: dice },
    files: [],
    failures: [],
    timing: { startedAtMs: null, finishedAtMs: 1, trainSeconds: 0, imagesPerSecond: null },
  };
}
