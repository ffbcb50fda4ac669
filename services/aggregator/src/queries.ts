// What readers ask of the index: the trial table with fold values, the best trial, curves. Results are the same, byte for byte,
// from a live index and from a rebuilt one.
import { SaphenaError, isFinal, runResultSchema, sweepRecordSchema } from "@saphena/contracts";
import type { BestReply, Curve, RunMetrics, RunResult, State, SweepRecord, TrialRow } from "@saphena/contracts";
import type { IndexDatabase } from "./index-database.ts";

export async function sweepRecord(index: IndexDatabase, sweep: string): Promise<SweepRecord> {
  const [row] = await index.query<{ record: string }>("SELECT record FROM sweeps WHERE id = ?", [sweep]);
  if (row === undefined) throw new SaphenaError("SWEEP_NOT_FOUND", sweep);
  return sweepRecordSchema.parse(JSON.parse(row.record));
}

/** Mean over the folds that have a value; null when none has. */
function foldMeans(folds: readonly RunMetrics[]): RunMetrics {
  const names = [...new Set(folds.flatMap((metrics) => Object.keys(metrics)))].toSorted();
  return Object.fromEntries(
    names.map((name) => {
      const values = folds.flatMap((metrics) => metrics[name] ?? []);
      return [name, values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length];
    }),
  );
}

/** A trial runs from the first claim of one of its runs on. */
function trialState(state: State, folds: readonly State[]): State {
  return !isFinal(state) && folds.some((fold) => fold !== "queued") ? "running" : state;
}

type TrialRecord = { number: number; state: State; parameters: string };
type RunRecord = { trial: number; fold: number; state: State; metrics: string | null };

export async function trialRows(index: IndexDatabase, sweep: string): Promise<TrialRow[]> {
  await sweepRecord(index, sweep);
  const trials = await index.query<TrialRecord>("SELECT number, state, parameters FROM trials WHERE sweep = ? ORDER BY number", [sweep]);
  const runs = await index.query<RunRecord>("SELECT trial, fold, state, metrics FROM runs WHERE sweep = ? ORDER BY trial, fold", [sweep]);
  const folds = groupByTrial(runs);
  return trials.map(({ number, state, parameters }) => {
    const rows = (folds.get(number) ?? []).map((run) => ({
      fold: run.fold,
      state: run.state,
      metrics: run.metrics === null ? {} : (JSON.parse(run.metrics) as RunMetrics),
    }));
    return {
      number,
      state: trialState(
        state,
        rows.map((row) => row.state),
      ),
      parameters: JSON.parse(parameters) as TrialRow["parameters"],
      metrics: foldMeans(rows.filter((row) => row.state === "completed").map((row) => row.metrics)),
      folds: rows,
    };
  });
}

function groupByTrial(runs: readonly RunRecord[]): Map<number, RunRecord[]> {
  const groups = new Map<number, RunRecord[]>();
  for (const run of runs) {
    const group = groups.get(run.trial);
    if (group === undefined) groups.set(run.trial, [run]);
    else group.push(run);
  }
  return groups;
}

/** Completed trials, best first; ties go to the lower number. */
export async function ranking(index: IndexDatabase, sweep: string): Promise<{ number: number; value: number }[]> {
  const { spec } = await sweepRecord(index, sweep);
  const order = spec.objective.goal === "maximize" ? "DESC" : "ASC";
  return index.query<{ number: number; value: number }>(
    `SELECT number, value FROM trials WHERE sweep = ? AND state = 'completed' AND value IS NOT NULL ORDER BY value ${order}, number`,
    [sweep],
  );
}

export async function bestTrial(index: IndexDatabase, sweep: string): Promise<BestReply["best"]> {
  const [best] = await ranking(index, sweep);
  if (best === undefined) return null;
  const trial = (await trialRows(index, sweep)).find(({ number }) => number === best.number)!;
  return { value: best.value, trial, results: await results(index, sweep, best.number) };
}

export async function results(index: IndexDatabase, sweep: string, trial: number): Promise<RunResult[]> {
  const rows = await index.query<{ result: string }>(
    "SELECT result FROM runs WHERE sweep = ? AND trial = ? AND result IS NOT NULL ORDER BY fold",
    [sweep, trial],
  );
  return rows.map(({ result }) => runResultSchema.parse(JSON.parse(result)));
}

export async function curves(index: IndexDatabase, sweep: string, name: string): Promise<Curve[]> {
  await sweepRecord(index, sweep);
  const rows = await index.query<{ trial: number; fold: number; epoch: number; value: number }>(
    "SELECT trial, fold, epoch, value FROM points WHERE sweep = ? AND name = ? ORDER BY trial, fold, epoch",
    [sweep, name],
  );
  const made = new Map<string, Curve>();
  for (const { trial, fold, epoch, value } of rows) {
    const key = `${trial}/${fold}`;
    const curve = made.get(key) ?? { trial, fold, name, epochs: [], values: [] };
    curve.epochs.push(epoch);
    curve.values.push(value);
    made.set(key, curve);
  }
  return [...made.values()];
}

export async function pointNames(index: IndexDatabase, sweep: string): Promise<string[]> {
  await sweepRecord(index, sweep);
  return (await index.query<{ name: string }>("SELECT DISTINCT name FROM points WHERE sweep = ? ORDER BY name", [sweep])).map(
    ({ name }) => name,
  );
}
