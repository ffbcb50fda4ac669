// `saphena pause SWEEP`.
import { defineCommand } from "citty";
import { sweepArgument } from "./arguments.ts";
import { actOnSweep } from "./sweep-action.ts";

export const pauseCommand = defineCommand({
  meta: { name: "pause", description: "Start no more runs of a sweep; running ones write a checkpoint and stop" },
  args: { sweep: sweepArgument },
  run: ({ args }) => actOnSweep(args.sweep, { action: "pause" }),
});
