// `saphena dataset ls`: every dataset with its highest version.
import { defineCommand } from "citty";
import { connect } from "../connection.ts";
import { renderTable } from "../table.ts";
import { dataWidth, printData, printJson, say } from "../terminal.ts";
import { jsonFlag } from "./arguments.ts";

export const datasetLsCommand = defineCommand({
  meta: { name: "ls", description: "List the datasets" },
  args: { json: jsonFlag },
  async run({ args }) {
    const datasets = await connect().datasets();
    if (args.json) return printJson(datasets);
    if (datasets.length === 0) return say("no datasets yet; `saphena dataset import SRC --name NAME` makes one");
    const columns = [
      { title: "DATASET", shrinkTo: 8 },
      { title: "VERSION", align: "right" },
      { title: "IMAGES", align: "right" },
      { title: "MASKS", align: "right" },
      { title: "GROUPS", align: "right", leaveOut: 1 },
      { title: "LABELS", shrinkTo: 10, leaveOut: 2 },
      { title: "HASH", leaveOut: 3 },
    ] as const;
    const rows = datasets.map(({ name, versions, latest }) => [
      name,
      String(Math.max(...versions.map(({ version }) => version))),
      String(latest.images),
      String(latest.masks),
      String(latest.groups),
      latest.labels.join(","),
      latest.hash.slice(0, 12),
    ]);
    printData(renderTable(columns, rows, dataWidth()).text);
  },
});
