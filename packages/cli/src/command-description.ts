// The commands as data, for the reference page: made from the definitions that the command line itself is checked by.
import type { ArgDef, CommandDef } from "citty";
import { rootCommand } from "./command-tree.ts";
import { resolved } from "./resolvable.ts";

export interface ArgumentDescription {
  /** `SWEEP` or `--trials +N`. */
  form: string;
  isRequired: boolean;
  description: string;
}

export interface CommandDescription {
  /** Such as `saphena dataset import`. */
  name: string;
  description: string;
  arguments: ArgumentDescription[];
}

/** Every command that does something, in the order of the help. */
export function describeCommands(): Promise<CommandDescription[]> {
  return describe("saphena", rootCommand);
}

async function describe(name: string, command: CommandDef): Promise<CommandDescription[]> {
  const subCommands = Object.entries(await resolved(command.subCommands ?? {}));
  if (subCommands.length > 0) {
    const parts = await Promise.all(
      subCommands.map(async ([word, sub]) => describe(`${name} ${word}`, (await resolved(sub)) as CommandDef)),
    );
    return parts.flat();
  }
  const { description = "" } = await resolved(command.meta ?? {});
  const definitions = Object.entries(await resolved(command.args ?? {}));
  return [{ name, description, arguments: definitions.map(([argument, definition]) => describeArgument(argument, definition)) }];
}

function describeArgument(name: string, definition: ArgDef): ArgumentDescription {
  const { type, description = "", required, valueHint } = definition;
  if (type === "positional") return { form: name.toUpperCase(), isRequired: required !== false, description };
  return { form: `--${name}${type === "boolean" ? "" : ` ${valueHint ?? "VALUE"}`}`, isRequired: required === true, description };
}
