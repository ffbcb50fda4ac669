// `saphena trials SWEEP`: the leaderboard; `--json` prints every trial with its folds in order of number.
import { defineCommand } from "citty";
import { connect } from "../connection.ts";
import { leaderboard } from "../leaderboard.ts";
import { resolveSweep } from "../sweep-reference.ts";
import { dataWidth, printData, printJson, say } from "../terminal.ts";
import { jsonFlag, sweepArgument } from "./arguments.ts";

export const trialsCommand = defineCommand({
  meta: { name: "trials", description: "List the trials of a sweep, best first (with --json by number)" },
  args: { sweep: sweepArgument, json: jsonFlag },
  async run({ args }) {
    const client = connect();
    const id = await resolveSweep(client, args.sweep);
    const trials = await client.trials(id);
    if (args.json) return printJson([...trials].sort((a, b) => a.number - b.number));
    if (trials.length === 0) return say("no trials yet");
    const { objective } = await client.sweep(id);
    const { text, leftOut } = leaderboard(trials, objective, dataWidth());
    printData(text);
    if (leftOut.length > 0) say(`not shown for lack of width: ${leftOut.join(", ")}; --json has everything`);
  },
});
