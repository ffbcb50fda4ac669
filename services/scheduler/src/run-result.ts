// Reading and writing `result.json`, the truth about a run: whoever creates it first has made it, the scheduler included.
import { SCHEMA_VERSION, parseRunId, runKeys, runResultSchema } from "@saphena/contracts";
import type { FinalState, LiveRun, LiveTrial, ResultFile, RunAddress, RunResult, SweepRecord } from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";
import type { LiveState } from "@saphena/queue";
import { runSeed } from "@saphena/sweep";
import { createHash } from "node:crypto";

export async function readResult(store: ObjectStore, run: RunAddress): Promise<RunResult | null> {
  const body = await store.tryGet(runKeys.result(run));
  return body === null ? null : runResultSchema.parse(JSON.parse(Buffer.from(body).toString()));
}

export interface EndedRun {
  run: LiveRun;
  trial: LiveTrial;
  sweep: SweepRecord;
  state: Exclude<FinalState, "completed">;
  reason: string;
  nowMs: number;
  nonce: string;
}

/** Makes the result of a run that ends without one. Returns the one that holds: another's, if that was first. */
export async function createResult(store: ObjectStore, state: LiveState, ended: EndedRun): Promise<RunResult> {
  const files = ended.state === "failed" && ended.run.attempt > 0 ? await keepLogTail(store, state, ended.run) : [];
  const result = resultOf(ended, files);
  if ((await store.create(runKeys.result(result), JSON.stringify(result))) === "created") return result;
  const first = await readResult(store, result);
  if (first === null) throw new Error(`${runKeys.result(result)} exists and cannot be read`);
  return first;
}

/** The last log lines of a failed run tell why. Not the attempt's own `log.jsonl`, which a late commit may still write. */
async function keepLogTail(store: ObjectStore, state: LiveState, run: LiveRun): Promise<ResultFile[]> {
  const lines = await state.logTail(run.id);
  const address = parseRunId(run.id);
  if (lines.length === 0 || address === null) return [];
  const body = lines.map((line) => `${line}\n`).join("");
  const name = "log-tail.jsonl";
  await store.put(runKeys.attemptFile(address, run.attempt, name), body);
  return [
    { name, role: "log", required: true, sha256: createHash("sha256").update(body).digest("hex"), sizeBytes: Buffer.byteLength(body) },
  ];
}

function resultOf({ run, trial, sweep, state, reason, nowMs, nonce }: EndedRun, files: ResultFile[]): RunResult {
  const trainSeed = trial.parameters["train.seed"];
  return {
    schemaVersion: SCHEMA_VERSION,
    run: run.id,
    sweep: run.sweep,
    trial: run.trial,
    fold: run.fold,
    attempt: run.attempt,
    state,
    reason,
    parameters: trial.parameters,
    seed: runSeed(typeof trainSeed === "number" ? trainSeed : sweep.spec.train.seed, run.fold),
    fingerprint: null,
    resumedFrom: [],
    nonce,
    epochs: run.pointsEpoch,
    metrics: {},
    files,
    failures: allFailures(run),
    timing: {
      startedAtMs: run.startedAtMs,
      finishedAtMs: nowMs,
      // Nobody measured it; from its start to its end is what the run kept a slot from others, waits between attempts included.
      trainSeconds: run.startedAtMs === null ? 0 : Math.max(0, nowMs - run.startedAtMs) / 1000,
      imagesPerSecond: null,
    },
  };
}

function allFailures({ failures, parked }: LiveRun): RunResult["failures"] {
  return parked === null || failures.some((failure) => failure.attempt === parked.attempt) ? failures : [...failures, parked];
}
