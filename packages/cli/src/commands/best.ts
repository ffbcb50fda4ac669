// `saphena best SWEEP`: the best completed trial with its parameters and every fold.
import { defineCommand } from "citty";
import type { TrialRow } from "@saphena/contracts";
import { connect } from "../connection.ts";
import { formatParameter, formatScore } from "../number-format.ts";
import { resolveSweep } from "../sweep-reference.ts";
import { renderTable, type Column } from "../table.ts";
import { dataWidth, printData, printJson, say } from "../terminal.ts";
import { jsonFlag, sweepArgument } from "./arguments.ts";

export const bestCommand = defineCommand({
  meta: { name: "best", description: "Show the best completed trial of a sweep" },
  args: { sweep: sweepArgument, json: jsonFlag },
  async run({ args }) {
    const client = connect();
    const id = await resolveSweep(client, args.sweep);
    const best = await client.best(id);
    if (args.json) return printJson(best);
    if (best === null) return say("no trial is completed yet");
    printData(describeTrial(best.trial));
  },
});

/** Scores by which trials are judged, then everything else by name. */
const FIRST = ["dice", "accuracy", "score"];

function describeTrial(trial: TrialRow): string {
  const names = [...new Set(trial.folds.flatMap(({ metrics }) => Object.keys(metrics)))].sort();
  const ordered = [...FIRST.filter((name) => names.includes(name)), ...names.filter((name) => !FIRST.includes(name))];
  const columns: Column[] = [
    { title: "METRIC" },
    { title: "MEAN", align: "right" },
    ...trial.folds.map(({ fold }): Column => ({ title: `FOLD ${fold}`, align: "right", leaveOut: fold })),
  ];
  const rows = ordered.map((name) => [
    name,
    formatValue(trial.metrics[name]),
    ...trial.folds.map(({ metrics }) => formatValue(metrics[name])),
  ]);
  const parameters = Object.entries(trial.parameters).map(([path, value]) => `  ${path}: ${formatParameter(value)}`);
  return [`trial ${trial.number}`, ...parameters, "", renderTable(columns, rows, dataWidth()).text].join("\n");
}

/** Counts stay whole numbers. */
function formatValue(value: number | null | undefined): string {
  return typeof value === "number" && Number.isInteger(value) && value > 1 ? String(value) : formatScore(value);
}
