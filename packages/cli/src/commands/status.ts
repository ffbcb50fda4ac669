// `saphena status SWEEP`: where a sweep stands, once or until it is final.
import { defineCommand } from "citty";
import { isFinal } from "@saphena/contracts";
import type { SweepStatus } from "@saphena/contracts";
import { connect } from "../connection.ts";
import { formatDuration, formatScore, formatTime } from "../number-format.ts";
import { resolveSweep } from "../sweep-reference.ts";
import { printData, printJson } from "../terminal.ts";
import { watchSweep } from "../watch.ts";
import { jsonFlag, sweepArgument, watchFlag } from "./arguments.ts";

export const statusCommand = defineCommand({
  meta: { name: "status", description: "Show where a sweep stands" },
  args: { sweep: sweepArgument, watch: watchFlag, json: jsonFlag },
  async run({ args }) {
    const client = connect();
    const id = await resolveSweep(client, args.sweep);
    const status = args.watch ? await watchSweep(client, id) : await client.sweep(id);
    if (args.json) printJson(status);
    else printData(describeStatus(status));
    if (args.watch && status.state !== "completed") process.exitCode = 1;
  },
});

export function describeStatus(status: SweepStatus): string {
  const { trials, runs, best, objective } = status;
  const others = (["pruned", "failed", "cancelled"] as const)
    .filter((state) => trials[state] > 0)
    .map((state) => `, ${trials[state]} ${state}`);
  const facts: (readonly [string, string | null])[] = [
    ["sweep", status.id],
    ["name", status.name],
    ["state", status.stopping === null ? status.state : `${status.state}, stopping as ${status.stopping}`],
    ["reason", status.reason],
    ["dataset", status.dataset],
    ["objective", `${objective.metric}, ${objective.goal}`],
    ["trials", `${trials.completed} of ${trials.budget} completed${others.join("")}`],
    ["runs", `${runs.final} of ${runs.total} done, ${runs.running} running, ${runs.queued} queued (${status.folds} a trial)`],
    ["best", best === null ? null : `trial ${best.trial}, ${objective.metric} ${formatScore(best.value)}`],
    ["left", status.etaSeconds === null || isFinal(status.state) ? null : `about ${formatDuration(status.etaSeconds)}`],
    ["submitted", formatTime(status.submittedAtMs)],
    ["finished", status.finishedAtMs === null ? null : formatTime(status.finishedAtMs)],
  ];
  return facts.flatMap(([name, value]) => (value === null ? [] : `${name.padEnd(11)}${value}`)).join("\n");
}
