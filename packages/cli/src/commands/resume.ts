// `saphena resume SWEEP [--trials +N]`.
import { defineCommand } from "citty";
import { wholeNumber } from "../command-line.ts";
import { sweepArgument } from "./arguments.ts";
import { actOnSweep } from "./sweep-action.ts";

export const resumeCommand = defineCommand({
  meta: { name: "resume", description: "Go on with a paused sweep, or with a finished one by adding trials" },
  args: { sweep: sweepArgument, trials: { type: "string", valueHint: "+N", description: "raise the budget by N trials" } },
  async run({ args }) {
    const addTrials = wholeNumber(args.trials, "--trials", { min: 1, max: 1_000_000 });
    await actOnSweep(args.sweep, { action: "resume", ...(addTrials === undefined ? {} : { addTrials }) });
  },
});
