// The `saphena` command as a function, for programs that want to run it without a shell.
export { runCli } from "./cli.ts";
export { rootCommand } from "./command-tree.ts";
