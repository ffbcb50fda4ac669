// Trials, best first: parameters, fold means, and the objective of every fold.
import { isFinal } from "@saphena/contracts";
import type { Objective, TrialRow } from "@saphena/contracts";
import type { VNode } from "preact";
import { parameter, score, shortPath } from "./format.ts";
import { StateBadge } from "./notices.tsx";

const SHOWN_METRICS = ["dice", "accuracy"] as const;
const MOST_ROWS = 200;

/** Completed trials by the objective, then what runs, then the rest; ties by number. */
export function rankTrials(trials: readonly TrialRow[], objective: Objective): TrialRow[] {
  const sign = objective.goal === "maximize" ? -1 : 1;
  const group = (trial: TrialRow): number => (trial.state === "completed" ? 0 : isFinal(trial.state) ? 2 : 1);
  const value = (trial: TrialRow): number => trial.metrics[objective.metric] ?? Number.POSITIVE_INFINITY * sign;
  return trials.toSorted((a, b) => group(a) - group(b) || (group(a) === 0 ? sign * (value(a) - value(b)) || 0 : 0) || a.number - b.number);
}

export function Leaderboard({ trials, objective, folds }: { trials: readonly TrialRow[]; objective: Objective; folds: number }): VNode {
  if (trials.length === 0) return <p>No trial yet.</p>;
  const paths = [...new Set(trials.flatMap(({ parameters }) => Object.keys(parameters)))];
  const metrics = [objective.metric, ...SHOWN_METRICS.filter((metric) => metric !== objective.metric)];
  const ranked = rankTrials(trials, objective);
  return (
    <div class="scroll">
      <table class="leaderboard">
        <thead>
          <tr>
            <th class="number">Trial</th>
            <th>State</th>
            {paths.map((path) => (
              <th key={path} class="number" title={path}>
                {shortPath(path)}
              </th>
            ))}
            {metrics.map((metric) => (
              <th key={metric} class="number" title={`mean over folds`}>
                {metric}
              </th>
            ))}
            {Array.from({ length: folds }, (_, fold) => (
              <th key={fold} class="number fold" title={`${objective.metric} of fold ${fold}`}>
                fold {fold}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ranked.slice(0, MOST_ROWS).map((trial, rank) => (
            <tr key={trial.number} class={rank === 0 && trial.state === "completed" ? "best" : ""}>
              <td class="number">{trial.number}</td>
              <td>
                <StateBadge state={trial.state} />
              </td>
              {paths.map((path) => (
                <td key={path} class="number">
                  {parameter(trial.parameters[path])}
                </td>
              ))}
              {metrics.map((metric) => (
                <td key={metric} class="number">
                  {score(trial.metrics[metric])}
                </td>
              ))}
              {trial.folds.map(({ fold, state, metrics: values }) => (
                <td key={fold} class="number fold" title={state}>
                  {state === "completed" ? score(values[objective.metric]) : <span class={`dot state-${state}`}>{state}</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {ranked.length > MOST_ROWS && (
        <p class="facts">
          The first {MOST_ROWS} of {ranked.length} trials; `saphena trials` lists them all.
        </p>
      )}
    </div>
  );
}
