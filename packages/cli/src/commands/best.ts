// `saphena best SWEEP`: the best completed trial with its parameters and every fold.
import { defineCommand } from "citty";
import type { TrialRow } from "@saphena/contracts";
import { connect } from "../connection.ts";
import { formatParameter, formatScore } from "../number-format.ts";
import { resolveSweep } from "../sweep-reference.ts";
import { printData, printJson, say } from "../terminal.ts";
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

function describeTrial(trial: TrialRow): string {
  const scores = (metrics: TrialRow["metrics"]): string =>
    Object.entries(metrics)
      .map(([name, value]) => `${name} ${formatScore(value)}`)
      .join("  ");
  return [
    `trial ${trial.number}`,
    ...Object.entries(trial.parameters).map(([path, value]) => `  ${path}: ${formatParameter(value)}`),
    `mean    ${scores(trial.metrics)}`,
    ...trial.folds.map(({ fold, metrics }) => `fold ${fold}  ${scores(metrics)}`),
  ].join("\n");
}
