// Rebuilds the index from the object store alone: sweep.json, the decision log, result.json and the metrics files it names.
// Afterwards the streams are read from their beginning, which brings back what is not final yet.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decisionSchema, parseResultKey, runKeys, runResultSchema, sweepKeys, sweepRecordSchema } from "@saphena/contracts";
import type { Decision, RunResult, State } from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";
import type { Logger } from "pino";
import { BEGINNING } from "./aggregate.ts";
import type { IndexDatabase, IndexWriter, Row } from "./index-database.ts";
import { mergeRows } from "./merge.ts";
import { queuedRunRow, resultRow, sweepRow, trialRow } from "./rows-from-events.ts";
import type { IndexRows } from "./rows-from-events.ts";

const READS_AT_ONCE = 32;

export interface RebuildReport {
  sweeps: number;
  trials: number;
  results: number;
}

export async function rebuildIndex(index: IndexDatabase, store: ObjectStore, log: Logger): Promise<RebuildReport> {
  const folder = await mkdtemp(join(tmpdir(), "saphena-rebuild-"));
  try {
    return await index.write(async (writer) => {
      for (const table of ["position", "sweeps", "trials", "runs", "points", "curves_loaded", "models_removed"])
        await writer.run(`DELETE FROM ${table}`);
      const report: RebuildReport = { sweeps: 0, trials: 0, results: 0 };
      for (const sweep of await sweepIds(store)) {
        const { rows, results } = await readSweep(store, sweep);
        await mergeRows(writer, rows);
        await loadCurves(writer, store, results, join(folder, sweep));
        report.sweeps += 1;
        report.trials += rows.trials.length;
        report.results += results.length;
        log.info({ sweep, ...report }, "rebuilding");
      }
      await writer.run("INSERT INTO position VALUES (?, ?)", [BEGINNING.outcomes, BEGINNING.points]);
      return report;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sweepIds(store: ObjectStore): Promise<string[]> {
  const ids: string[] = [];
  for await (const { key } of store.list(sweepKeys.all)) {
    const match = /^sweeps\/([^/]+)\/sweep\.json$/.exec(key);
    if (match !== null) ids.push(match[1]!);
  }
  return ids;
}

async function readJson(store: ObjectStore, key: string): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await store.get(key)));
}

async function readSweep(store: ObjectStore, sweep: string): Promise<{ rows: IndexRows; results: RunResult[] }> {
  const record = sweepRecordSchema.parse(await readJson(store, sweepKeys.record(sweep)));
  const resultKeys: string[] = [];
  for await (const { key } of store.list(sweepKeys.trials(sweep))) if (parseResultKey(key) !== null) resultKeys.push(key);
  const results = await inBatches(resultKeys, async (key) => runResultSchema.parse(await readJson(store, key)));
  const decisions = await readLog(store, sweep);
  const trials = new Map<number, Row>();
  const runs = new Map<string, Row>();
  let state: { state: State; reason: string | null } = { state: "queued", reason: null };
  const trialStates: IndexRows["trialStates"] = [];
  for (const decision of decisions) {
    if (decision.type === "trialCreated" && !trials.has(decision.trial)) {
      trials.set(
        decision.trial,
        trialRow({ sweep, trial: decision.trial, folds: record.folds, parameters: decision.parameters, retryOf: decision.retryOf }),
      );
      for (let fold = 0; fold < record.folds; fold++) runs.set(`${decision.trial}/${fold}`, queuedRunRow(sweep, decision.trial, fold));
      state = { state: "running", reason: null };
    }
    if (decision.type === "trialSettled")
      trialStates.push({ sweep, trial: decision.trial, state: decision.state, reason: decision.reason, value: decision.value });
    if (decision.type === "sweepSettled") state = { state: decision.state, reason: decision.reason };
  }
  for (const result of results) runs.set(`${result.trial}/${result.fold}`, resultRow(result));
  const rows: IndexRows = {
    sweeps: [sweepRow(record, state.state, state.reason)],
    sweepStates: [],
    trials: [...trials.values()],
    trialStates,
    runs: [...runs.values()],
    points: [],
  };
  return { rows, results };
}

async function readLog(store: ObjectStore, sweep: string): Promise<Decision[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(sweepKeys.log(sweep))) keys.push(key);
  const segments = await inBatches(keys.toSorted(), async (key) => new TextDecoder().decode(await store.get(key)));
  return segments.flatMap((segment) =>
    segment
      .split("\n")
      .filter(Boolean)
      .map((line) => decisionSchema.parse(JSON.parse(line))),
  );
}

/** Points of finished runs come from `metrics.parquet` of the winning attempt, which holds every epoch; the stream's are then passed over. */
async function loadCurves(writer: IndexWriter, store: ObjectStore, results: readonly RunResult[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files = await inBatches(results, async (result) => {
    const file = result.files.find(({ role }) => role === "metrics");
    if (file === undefined) return null;
    const path = join(folder, `${result.trial}-${result.fold}.parquet`);
    await store.download(runKeys.attemptFile(result, result.attempt, file.name), path, { sha256: file.sha256 });
    return { path, run: [result.sweep, result.trial, result.fold] as const };
  });
  for (const file of files) {
    if (file === null) continue;
    await writer.run(
      "INSERT INTO points SELECT ?, ?::INTEGER, ?::INTEGER, epoch::INTEGER, name, value FROM read_parquet(?) WHERE value IS NOT NULL",
      [...file.run, file.path],
    );
    await writer.run("INSERT INTO curves_loaded VALUES (?, ?, ?)", [...file.run]);
    await rm(file.path);
  }
}

async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let i = 0; i < items.length; i += READS_AT_ONCE) done.push(...(await Promise.all(items.slice(i, i + READS_AT_ONCE).map(work))));
  return done;
}
