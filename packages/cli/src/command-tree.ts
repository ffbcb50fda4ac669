// The tree of commands, each loaded only when it is named: `saphena ls` must not wait for the image decoder to load.
import { defineCommand, type CommandDef } from "citty";
import { version } from "./version.ts";

/** citty's types are invariant in the arguments, which differ from command to command. */
const lazy = (load: () => Promise<unknown>) => load as () => Promise<CommandDef>;

export const rootCommand: CommandDef = defineCommand({
  meta: { name: "saphena", version, description: "Cross-validated hyperparameter sweeps for VENet, on one machine or many GPUs" },
  subCommands: {
    up: lazy(async () => (await import("./commands/up.ts")).upCommand),
    submit: lazy(async () => (await import("./commands/submit.ts")).submitCommand),
    ls: lazy(async () => (await import("./commands/ls.ts")).lsCommand),
    status: lazy(async () => (await import("./commands/status.ts")).statusCommand),
    trials: lazy(async () => (await import("./commands/trials.ts")).trialsCommand),
    best: lazy(async () => (await import("./commands/best.ts")).bestCommand),
    logs: lazy(async () => (await import("./commands/logs.ts")).logsCommand),
    pause: lazy(async () => (await import("./commands/pause.ts")).pauseCommand),
    resume: lazy(async () => (await import("./commands/resume.ts")).resumeCommand),
    cancel: lazy(async () => (await import("./commands/cancel.ts")).cancelCommand),
    retry: lazy(async () => (await import("./commands/retry.ts")).retryCommand),
    dataset: lazy(async () => (await import("./commands/dataset.ts")).datasetCommand),
    worker: lazy(async () => (await import("./commands/worker.ts")).workerCommand),
    train: lazy(async () => (await import("./commands/train.ts")).trainCommand),
    index: lazy(async () => (await import("./commands/index-rebuild.ts")).indexCommand),
    doctor: lazy(async () => (await import("./commands/doctor.ts")).doctorCommand),
  },
});
