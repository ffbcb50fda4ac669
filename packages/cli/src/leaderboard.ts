// The table of trials: best first, with the mean over the folds, every fold's value of the objective, and the parameters that vary.
import type { Objective, TrialRow } from "@saphena/contracts";
import { formatParameter, formatScore } from "./number-format.ts";
import { renderTable, type Column, type RenderedTable } from "./table.ts";

/** Best first; trials without a value after them, by number. */
export function ranked(trials: readonly TrialRow[], { metric, goal }: Objective): TrialRow[] {
  const sign = goal === "maximize" ? -1 : 1;
  const value = (trial: TrialRow): number | null => (trial.state === "completed" ? (trial.metrics[metric] ?? null) : null);
  return [...trials].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === null || right === null) return left === right ? a.number - b.number : left === null ? 1 : -1;
    return left === right ? a.number - b.number : sign * (left - right);
  });
}

/** The shortest end of a path that no other path shares: `learningRate` for `train.optimizer.learningRate`. */
export function shortNames(paths: readonly string[]): string[] {
  return paths.map((path) => {
    const keys = path.split(".");
    for (let count = 1; count < keys.length; count++) {
      const name = keys.slice(-count).join(".");
      if (paths.every((other) => other === path || (other !== name && !other.endsWith(`.${name}`)))) return name;
    }
    return path;
  });
}

/** Means shown beside the objective, in this order. */
const MEANS = ["dice", "accuracy", "score"] as const;

export function leaderboard(trials: readonly TrialRow[], objective: Objective, width: number | null): RenderedTable {
  const rows = ranked(trials, objective);
  const paths = [...new Set(rows.flatMap(({ parameters }) => Object.keys(parameters)))];
  const names = shortNames(paths);
  const means = MEANS.filter((name) => name === objective.metric || rows.some(({ metrics }) => typeof metrics[name] === "number"));
  const ordered = [objective.metric, ...means.filter((name) => name !== objective.metric)];
  const columns: Column[] = [
    { title: "TRIAL", align: "right" },
    { title: "STATE" },
    ...ordered.map((name, place): Column => ({ title: name.toUpperCase(), align: "right", ...(place === 0 ? {} : { leaveOut: 2 }) })),
    { title: `${objective.metric.toUpperCase()} BY FOLD`, leaveOut: 3 },
    ...names.map((title): Column => ({ title, align: "right", leaveOut: 1, shrinkTo: Math.max(9, title.length) })),
  ];
  const cells = rows.map((trial) => [
    String(trial.number),
    trial.state,
    ...ordered.map((name) => formatScore(trial.metrics[name])),
    foldCells(trial, objective),
    ...paths.map((path) => formatParameter(trial.parameters[path])),
  ]);
  return renderTable(columns, cells, width);
}

/** Three decimals a fold; `…` while it runs, its state when it ended without a value. */
function foldCells(trial: TrialRow, { metric }: Objective): string {
  return [...trial.folds]
    .sort((a, b) => a.fold - b.fold)
    .map(({ state, metrics }) => {
      const value = metrics[metric];
      if (typeof value === "number") return value.toFixed(3);
      return state === "queued" || state === "running" ? "…" : state === "completed" ? "-" : state;
    })
    .join(" ");
}
