// Entry of the `saphena` command; bin/saphena.mjs imports it.
import { runCli } from "./cli.ts";
import { tolerateClosedPipes } from "./terminal.ts";

tolerateClosedPipes();
// Not process.exit: what is still being written to a pipe would be cut off.
process.exitCode = await runCli(process.argv.slice(2));
