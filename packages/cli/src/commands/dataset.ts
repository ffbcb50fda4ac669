// `saphena dataset …`: one file a sub-command.
import { defineCommand, type CommandDef } from "citty";

const lazy = (load: () => Promise<unknown>) => load as () => Promise<CommandDef>;

export const datasetCommand = defineCommand({
  meta: { name: "dataset", description: "Import, list, show and verify datasets" },
  subCommands: {
    import: lazy(async () => (await import("./dataset-import.ts")).datasetImportCommand),
    ls: lazy(async () => (await import("./dataset-ls.ts")).datasetLsCommand),
    show: lazy(async () => (await import("./dataset-show.ts")).datasetShowCommand),
    verify: lazy(async () => (await import("./dataset-verify.ts")).datasetVerifyCommand),
  },
});
