// The `saphena` command as functions: to run it without a shell, and to describe it in the reference.
export { runCli } from "./cli.ts";
export { describeCommands } from "./command-description.ts";
export type { ArgumentDescription, CommandDescription } from "./command-description.ts";
