// Turns a batch of stream events into the rows they leave behind: the last word on each sweep, trial and run of the batch. Pure.
import { isFinal } from "@saphena/contracts";
import type { FinalState, OutcomeEvent, Parameters, PointsEvent, RunResult, State, SweepRecord } from "@saphena/contracts";
import type { Row } from "./index-database.ts";

export interface IndexRows {
  sweeps: Row[];
  /** State changes of sweeps that may be from an earlier batch. */
  sweepStates: { sweep: string; state: State; reason: string | null }[];
  trials: Row[];
  trialStates: { sweep: string; trial: number; state: FinalState; reason: string | null; value: number | null }[];
  runs: Row[];
  points: Row[];
}

export function sweepRow(record: SweepRecord, state: State = "queued", reason: string | null = null): Row {
  return { id: record.id, state, reason, record: JSON.stringify(record) };
}

export function trialRow(trial: { sweep: string; trial: number; folds: number; parameters: Parameters; retryOf: number | null }): Row {
  return {
    sweep: trial.sweep,
    number: trial.trial,
    state: "queued",
    reason: null,
    value: null,
    folds: trial.folds,
    parameters: JSON.stringify(trial.parameters),
    retry_of: trial.retryOf,
  };
}

export function resultRow(result: RunResult): Row {
  const { sweep, trial, fold, state, attempt, metrics } = result;
  return { sweep, trial, fold, state, attempt, metrics: JSON.stringify(metrics), result: JSON.stringify(result) };
}

export function queuedRunRow(sweep: string, trial: number, fold: number): Row {
  return { sweep, trial, fold, state: "queued", attempt: 0, metrics: null, result: null };
}

export function rowsFromEvents(outcomes: readonly OutcomeEvent[], points: readonly PointsEvent[]): IndexRows {
  const rows: IndexRows = { sweeps: [], sweepStates: [], trials: [], trialStates: [], runs: [], points: [] };
  const runs = new Map<string, Row>();
  const keep = (row: Row): void => {
    const key = `${row["sweep"]}/${row["trial"]}/${row["fold"]}`;
    const known = runs.get(key);
    if (known === undefined || !isFinal(known["state"] as State)) runs.set(key, row);
  };
  for (const event of outcomes) {
    switch (event.type) {
      case "sweepSubmitted":
        rows.sweeps.push(sweepRow(event.record));
        break;
      case "sweepState":
        rows.sweepStates.push({ sweep: event.sweep, state: event.state, reason: event.reason });
        break;
      case "trialCreated":
        rows.trials.push(trialRow(event));
        for (let fold = 0; fold < event.folds; fold++) keep(queuedRunRow(event.sweep, event.trial, fold));
        break;
      case "trialSettled":
        rows.trialStates.push({ sweep: event.sweep, trial: event.trial, state: event.state, reason: event.reason, value: event.value });
        break;
      case "runStarted":
        keep({ ...queuedRunRow(event.sweep, event.trial, event.fold), state: "running", attempt: event.attempt });
        break;
      case "attemptEnded":
        keep({ ...queuedRunRow(event.sweep, event.trial, event.fold), attempt: event.failure.attempt });
        break;
      case "runFinished":
        keep(resultRow(event.result));
        break;
    }
  }
  rows.runs = [...runs.values()];
  rows.points = points.flatMap(({ sweep, trial, fold, points: { epoch, values } }) =>
    Object.entries(values).map(([name, value]) => ({ sweep, trial, fold, epoch, name, value })),
  );
  return rows;
}
