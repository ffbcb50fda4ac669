// One command line from its words to its exit code.
import { stripVTControlCharacters } from "node:util";
import { renderUsage, runCommand } from "citty";
import { checkArguments, findCommand, type FoundCommand } from "./command-line.ts";
import { rootCommand } from "./command-tree.ts";
import { cliEnvironment } from "./environment.ts";
import { describeFailure } from "./failure.ts";
import { fitted, printData } from "./terminal.ts";
import { version } from "./version.ts";

/** Runs `saphena WORDS…` and gives the exit code: 0 done, 1 failed, 2 bad input, 130 interrupted. Commands may set process.exitCode, too. */
export async function runCli(words: readonly string[]): Promise<number> {
  try {
    if (words[0] === "--version" || words[0] === "-v") {
      printData(version);
      return 0;
    }
    const found = await findCommand(rootCommand, words);
    if (found.asksHelp) {
      printData(await usage(found));
      return 0;
    }
    await checkArguments(found);
    await runCommand(found.command, { rawArgs: found.rest });
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    const { text, exitCode } = describeFailure(thrown, cliEnvironment().debug);
    process.stderr.write(fitted(text, process.stderr));
    return exitCode;
  }
}

async function usage({ name, command, parent }: FoundCommand): Promise<string> {
  const text = await renderUsage(command, parent);
  // citty names only the last two words of the command and colours whatever the stream is.
  const plain = process.stdout.isTTY && cliEnvironment().color ? text : stripVTControlCharacters(text);
  const named = name.split(" ").length > 2 ? plain.replaceAll(name.split(" ").slice(-2).join(" "), name) : plain;
  // It also fills every row up with spaces, and lists all commands in one word, which a terminal of 80 columns breaks anywhere.
  const lines = named.split("\n").map((line) => line.trimEnd().replace(/(?:[a-z]+\|){5,}[a-z]+/, "COMMAND"));
  return fitted(lines.join("\n"), process.stdout);
}
