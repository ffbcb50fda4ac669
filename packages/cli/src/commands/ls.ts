// `saphena ls`: the sweeps, newest first.
import { defineCommand } from "citty";
import { connect } from "../connection.ts";
import { formatScore, formatTime } from "../number-format.ts";
import { renderTable } from "../table.ts";
import { dataWidth, printData, printJson, say } from "../terminal.ts";
import { jsonFlag } from "./arguments.ts";

export const lsCommand = defineCommand({
  meta: { name: "ls", description: "List the sweeps, newest first" },
  args: { json: jsonFlag },
  async run({ args }) {
    const sweeps = await connect().sweeps();
    if (args.json) return printJson(sweeps);
    if (sweeps.length === 0) return say("no sweeps yet; `saphena submit FILE` starts one");
    const columns = [
      { title: "SWEEP" },
      { title: "NAME", shrinkTo: 8 },
      { title: "STATE" },
      { title: "TRIALS", align: "right" },
      { title: "BEST", align: "right" },
      { title: "METRIC", leaveOut: 3 },
      { title: "DATASET", shrinkTo: 8, leaveOut: 2 },
      { title: "SUBMITTED", leaveOut: 1 },
    ] as const;
    const rows = sweeps.map((sweep) => [
      sweep.id,
      sweep.name,
      sweep.state,
      `${sweep.trials.completed + sweep.trials.pruned}/${sweep.trials.budget}`,
      formatScore(sweep.best?.value),
      sweep.objective.metric,
      sweep.dataset,
      formatTime(sweep.submittedAtMs),
    ]);
    printData(renderTable(columns, rows, dataWidth()).text);
  },
});
