// What the tests of this package share: a server, a sweep record, results, and a connection whose raw commands they may call.
import { randomBytes } from "node:crypto";
import { SCHEMA_VERSION, parseRunId, parseSweepFile, sweepIdFrom } from "@saphena/contracts";
import type { AttemptEnd, AttemptFailure, CheckpointRef, FinalState, OutcomeEvent, RunResult, SweepRecord } from "@saphena/contracts";
import { namespace } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import { onTestFinished } from "vitest";
import { connectLiveState, createLeaderQueue, createWorkerQueue } from "./index.ts";
import type { LeaderQueue, LiveState, QueueOptions, WorkerQueue } from "./index.ts";
import { readsOf } from "./live-state.ts";
import type { Connection } from "./connection.ts";

export interface Site {
  options: QueueOptions;
  state: LiveState;
  leader: LeaderQueue;
  worker: WorkerQueue;
  connection: Connection;
  /** What went wrong in the background. */
  errors: Error[];
}

/** A namespace of its own with a leader that leads and a worker; closed when the test has finished. */
export async function openSite(redis: TestRedis, extra: Partial<QueueOptions> = {}): Promise<Site> {
  const errors: Error[] = [];
  const options: QueueOptions = {
    redisUrl: redis.url,
    namespace: namespace("queue").redis,
    onError: (error) => errors.push(error),
    ...extra,
  };
  const state = await connectLiveState(options);
  onTestFinished(() => state.close());
  const leader = createLeaderQueue(state, { owner: "leader-1" });
  await leader.tryLead();
  return { options, state, leader, worker: workerOf(state, "worker-1"), connection: readsOf(state).connection, errors };
}

export function workerOf(state: LiveState, worker: string, slots = 2): WorkerQueue {
  return createWorkerQueue(state, { worker, pool: "default", slots, host: "here", pid: 1 });
}

export function sweepRecord(
  options: { trials?: number; folds?: number; concurrency?: number; wallClock?: string; gpuHours?: number } = {},
): SweepRecord {
  const folds = options.folds ?? 1;
  const { wallClock, gpuHours } = options;
  const spec = parseSweepFile({
    name: "tones",
    dataset: "tones",
    budget: {
      trials: options.trials ?? 3,
      ...(wallClock === undefined ? {} : { wallClock }),
      ...(gpuHours === undefined ? {} : { gpuHours }),
    },
    cv: { folds },
    resources: { concurrency: options.concurrency ?? 8 },
  });
  return {
    schemaVersion: SCHEMA_VERSION,
    id: sweepIdFrom(randomBytes(12)),
    spec,
    dataset: { name: "tones", hash: "0".repeat(64), labels: ["a", "b"], maskClasses: 2 },
    heads: "both",
    splitsHash: "1".repeat(64),
    folds,
    submittedAtMs: 1,
  };
}

export function resultOf(run: string, attempt: number, state: FinalState = "completed", nonce = `${run}/${attempt}`): RunResult {
  const address = parseRunId(run)!;
  return {
    schemaVersion: SCHEMA_VERSION,
    run,
    ...address,
    attempt,
    state,
    reason: state === "completed" ? null : "for a test",
    parameters: {},
    seed: 7,
    fingerprint: null,
    resumedFrom: [],
    nonce,
    epochs: 2,
    metrics: { dice: 0.1 + 0.2 },
    files: [],
    failures: [],
    timing: { startedAtMs: 1, finishedAtMs: 2, trainSeconds: 1.5, imagesPerSecond: null },
  };
}

export function failureOf(attempt: number, reason: AttemptEnd): AttemptFailure {
  return { attempt, reason, code: "TRAINER_CRASHED", message: 'it "broke"\n/here', worker: "worker-1" };
}

export function checkpointOf(run: string, attempt: number, epoch: number): CheckpointRef {
  return { attempt, epoch, key: `sweeps/${run}/attempt-${attempt}/checkpoint-${epoch}.safetensors`, sha256: "2".repeat(64), sizeBytes: 10 };
}

/** Creates trials without parameters and dispatches all their runs. */
export async function createAndDispatch({ leader }: Site, sweep: SweepRecord, trials: number): Promise<string[]> {
  await leader.createTrials(
    sweep.id,
    0,
    Array.from({ length: trials }, () => ({ parameters: {}, retryOf: null })),
  );
  const runs = await leader.backlog(sweep.id, trials * sweep.folds);
  await leader.dispatch(runs.map((run) => ({ run, pool: "default" })));
  return runs;
}

export async function allOutcomes(state: LiveState): Promise<OutcomeEvent[]> {
  const { outcomes } = await state.readStreams({ outcomes: "0-0", points: "0-0" }, { count: 100_000, blockMs: 0 });
  return outcomes.map(({ event }) => event);
}
