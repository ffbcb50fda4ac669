// `saphena index rebuild`: has the aggregator make its index anew from the object store, which holds the truth.
import { defineCommand } from "citty";
import { connect } from "../connection.ts";
import { printData, printJson, say } from "../terminal.ts";
import { jsonFlag } from "./arguments.ts";

const rebuildCommand = defineCommand({
  meta: { name: "rebuild", description: "Make the index anew from the object store" },
  args: { json: jsonFlag },
  async run({ args }) {
    say("reading every result in the object store again; this may take a while");
    const counts = await connect().rebuildIndex();
    if (args.json) return printJson(counts);
    const parts = Object.entries(counts).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    printData(["rebuilt", ...parts].join(", "));
  },
});

export const indexCommand = defineCommand({
  meta: { name: "index", description: "The aggregator's index of results, which can be made anew at any time" },
  subCommands: { rebuild: rebuildCommand },
});
