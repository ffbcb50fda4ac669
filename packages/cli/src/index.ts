// The `saphena` command as a function, and its commands as data for the reference page.
export { runCli } from "./cli.ts";
export { rootCommand } from "./command-tree.ts";
