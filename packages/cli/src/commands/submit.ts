// `saphena submit FILE`: checks the file in full before it needs a server, then prints the sweep's id and nothing else on stdout.
import { defineCommand } from "citty";
import { connect } from "../connection.ts";
import { readSweepFile } from "../sweep-document.ts";
import { printData, warn } from "../terminal.ts";
import { watchSweep } from "../watch.ts";
import { watchFlag } from "./arguments.ts";

export const submitCommand = defineCommand({
  meta: { name: "submit", description: "Submit a sweep; prints its id" },
  args: { file: { type: "positional", required: true, description: "sweep file, YAML or JSON" }, watch: watchFlag },
  async run({ args }) {
    const { file } = await readSweepFile(args.file);
    const client = connect();
    const sweep = await client.submit(file);
    for (const warning of sweep.warnings) warn(warning);
    printData(sweep.id);
    if (!args.watch) return;
    const final = await watchSweep(client, sweep.id);
    if (final.state !== "completed") process.exitCode = 1;
  },
});
