// The commit protocol (DESIGN 8): upload under the attempt's prefix, beginCommit, create result.json once, finish.
// Whoever creates result.json first has made the result; everybody else adopts it.
import { basename } from "node:path";
import { SCHEMA_VERSION, SaphenaError, runKeys, runResultSchema } from "@saphena/contracts";
import type { LiveRun, Parameters, ResultFile, RunAddress, RunResult, SweepRecord, TrainerFile } from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";
import type { WorkerQueue } from "@saphena/queue";
import type { Finished } from "./attempt-outcome.ts";

export interface CommitFacts {
  sweep: SweepRecord;
  parameters: Parameters;
  run: LiveRun;
  attempt: number;
  seed: number;
  finished: Finished;
  startedAtMs: number;
  finishedAtMs: number;
  nonce: string;
}

export type CommitOutcome = "committed" | "cancelled" | "stale-attempt" | "another-result";

export async function commit(store: ObjectStore, queue: WorkerQueue, facts: CommitFacts): Promise<CommitOutcome> {
  const address: RunAddress = { sweep: facts.run.sweep, trial: facts.run.trial, fold: facts.run.fold };
  const files = await Promise.all(facts.finished.files.map((file) => uploadFile(store, address, facts.attempt, file)));
  const begun = await queue.beginCommit(facts.run.id, facts.attempt);
  if (begun !== "ok") return begun === "cancel" ? "cancelled" : "stale-attempt";
  const result = assembleResult(facts, files);
  if ((await store.create(runKeys.result(address), JSON.stringify(result))) === "lost") return "another-result";
  return (await queue.finish(result)) === "finished" ? "committed" : "stale-attempt";
}

/**
 * Removes what a commit that failed has uploaded. Not where result.json names this very attempt: then its files are the result's, as when
 * a worker of the same name had committed it and died before it could say so.
 */
export async function dropUploads(store: ObjectStore, { run, attempt, finished }: CommitFacts): Promise<void> {
  const stored = await store.tryGet(runKeys.result(run));
  if (stored !== null && runResultSchema.parse(JSON.parse(new TextDecoder().decode(stored))).attempt === attempt) return;
  await Promise.all(finished.files.map(({ path }) => store.delete(runKeys.attemptFile(run, attempt, basename(path)))));
}

async function uploadFile(store: ObjectStore, address: RunAddress, attempt: number, file: TrainerFile): Promise<ResultFile> {
  const name = basename(file.path);
  const { sha256, sizeBytes } = await store.upload(runKeys.attemptFile(address, attempt, name), file.path);
  if (sha256 !== file.sha256) throw new SaphenaError("OBJECT_CORRUPT", `${name} changed between the trainer and the upload`);
  return { name, role: file.role, required: file.role !== "model", sha256, sizeBytes };
}

function assembleResult(facts: CommitFacts, files: ResultFile[]): RunResult {
  const { run, finished } = facts;
  return {
    schemaVersion: SCHEMA_VERSION,
    run: run.id,
    sweep: run.sweep,
    trial: run.trial,
    fold: run.fold,
    attempt: facts.attempt,
    state: "completed",
    reason: null,
    parameters: facts.parameters,
    seed: facts.seed,
    fingerprint: finished.fingerprint,
    resumedFrom: finished.resumedFrom,
    nonce: facts.nonce,
    epochs: finished.epochs,
    metrics: finished.metrics,
    files,
    failures: run.failures,
    timing: {
      startedAtMs: facts.startedAtMs,
      finishedAtMs: facts.finishedAtMs,
      trainSeconds: finished.trainSeconds,
      imagesPerSecond: finished.imagesPerSecond,
    },
  };
}
