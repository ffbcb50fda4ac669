// `saphena retry SWEEP --failed`.
import { defineCommand } from "citty";
import { usageError } from "../failure.ts";
import { sweepArgument } from "./arguments.ts";
import { actOnSweep } from "./sweep-action.ts";

export const retryCommand = defineCommand({
  meta: { name: "retry", description: "Try the failed trials of a sweep again, as new trials with the same parameters" },
  args: {
    sweep: sweepArgument,
    failed: { type: "boolean", description: "the failed trials (there is no other choice yet, but it must be said)" },
  },
  async run({ args }) {
    if (args.failed !== true) throw usageError("saphena retry needs --failed", "run `saphena retry SWEEP --failed`");
    await actOnSweep(args.sweep, { action: "retryFailed" });
  },
});
