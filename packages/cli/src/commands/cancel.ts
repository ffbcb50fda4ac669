// `saphena cancel SWEEP`.
import { defineCommand } from "citty";
import { sweepArgument } from "./arguments.ts";
import { actOnSweep } from "./sweep-action.ts";

export const cancelCommand = defineCommand({
  meta: { name: "cancel", description: "Stop a sweep for good; what is finished stays" },
  args: { sweep: sweepArgument },
  run: ({ args }) => actOnSweep(args.sweep, { action: "cancel" }),
});
