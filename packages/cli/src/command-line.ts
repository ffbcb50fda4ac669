// Checks the command line before citty runs it: citty lets unknown flags and surplus words pass in silence.
import { parseArgs } from "node:util";
import { nearest } from "@saphena/contracts";
import type { ArgDef, ArgsDef, CommandDef } from "citty";
import { resolved } from "./resolvable.ts";
import { usageError } from "./failure.ts";

export interface FoundCommand {
  /** Such as `saphena dataset import`. */
  name: string;
  command: CommandDef;
  parent: CommandDef | undefined;
  /** The words after the command's name. */
  rest: string[];
  asksHelp: boolean;
}

const isHelp = (word: string): boolean => word === "--help" || word === "-h";

/** Walks down the sub-commands. Throws USAGE for one that does not exist, with the nearest match. */
export async function findCommand(root: CommandDef, words: readonly string[]): Promise<FoundCommand> {
  let command = root;
  let parent: CommandDef | undefined;
  let name = "saphena";
  let rest = [...words];
  for (;;) {
    const subCommands = await resolved(command.subCommands ?? {});
    const names = Object.keys(subCommands);
    if (names.length === 0) return { name, command, parent, rest, asksHelp: rest.some(isHelp) };
    const [word, ...after] = rest;
    if (word !== undefined && isHelp(word)) return { name, command, parent, rest, asksHelp: true };
    if (word === undefined) throw usageError(`${name} needs a command: ${names.join(", ")}`, `run \`${name} --help\``);
    const found = Object.hasOwn(subCommands, word) ? subCommands[word] : undefined;
    if (found === undefined) {
      const what = word.startsWith("-") ? `${name} has no flag ${word}` : `${name} has no command ${JSON.stringify(word)}`;
      const close = word.startsWith("-") ? undefined : nearest(word, names);
      throw usageError(close === undefined ? what : `${what}; did you mean \`${name} ${close}\`?`, `run \`${name} --help\``);
    }
    parent = command;
    command = (await resolved(found)) as CommandDef;
    name = `${name} ${word}`;
    rest = after;
  }
}

interface Flags {
  [name: string]: { type: "string" | "boolean"; multiple: true; short?: string };
}

function flagsOf(definitions: ArgsDef): Flags {
  const flags: Flags = {};
  for (const [name, definition] of Object.entries(definitions)) {
    if (definition.type === "positional") continue;
    const short = aliases(definition).find((alias) => alias.length === 1);
    flags[name] = { type: definition.type === "boolean" ? "boolean" : "string", multiple: true, ...(short === undefined ? {} : { short }) };
  }
  return flags;
}

function aliases(definition: ArgDef): string[] {
  const alias = "alias" in definition ? definition.alias : undefined;
  return alias === undefined ? [] : [alias].flat();
}

/** Throws USAGE for an unknown flag, a flag without its value, a missing or surplus word. */
export async function checkArguments({ name, command, rest }: FoundCommand): Promise<void> {
  const definitions = await resolved(command.args ?? {});
  const hint = `run \`${name} --help\``;
  const { words, given } = parse(name, rest, flagsOf(definitions), hint);
  const places = Object.entries(definitions).filter(([, definition]) => definition.type === "positional");
  const missing = places.slice(words.length).find(([, definition]) => definition.required !== false);
  if (missing !== undefined) throw usageError(`${name} needs ${missing[0].toUpperCase()}: ${missing[1].description ?? ""}`, hint);
  const unset = Object.entries(definitions).find(
    ([flag, definition]) => definition.type !== "positional" && definition.required === true && !given.has(flag),
  );
  if (unset !== undefined) throw usageError(`${name} needs --${unset[0]}: ${unset[1].description ?? ""}`, hint);
  const surplus = words[places.length];
  if (surplus !== undefined) throw usageError(`${name} does not take ${JSON.stringify(surplus)}`, hint);
}

function parse(name: string, rest: readonly string[], flags: Flags, hint: string): { words: string[]; given: Set<string> } {
  try {
    const { positionals, values } = parseArgs({ args: [...rest], options: flags, allowPositionals: true, strict: true });
    return { words: positionals, given: new Set(Object.keys(values)) };
  } catch (thrown) {
    const { code, message } = thrown as { code?: string; message: string };
    const flag = /'(?:-\w, )?(--?[^'= ]+)/.exec(message)?.[1] ?? "a flag";
    if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
      const close = nearest(flag.replace(/^-+/, ""), Object.keys(flags));
      throw usageError(`${name} has no flag ${flag}${close === undefined ? "" : `; did you mean --${close}?`}`, hint);
    }
    if (code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE") {
      const needsValue = flags[flag.replace(/^-+/, "")]?.type !== "boolean";
      throw usageError(needsValue ? `${flag} needs a value` : `${flag} takes no value`, hint);
    }
    throw thrown;
  }
}

/** All values of a flag that may be given several times; citty keeps only the last. */
export function allValues(rawArgs: readonly string[], flag: string, definitions: ArgsDef): string[] {
  const { values } = parseArgs({ args: [...rawArgs], options: flagsOf(definitions), allowPositionals: true, strict: true });
  return (values[flag] ?? []).filter((value) => typeof value === "string");
}

/** A whole number from a flag; undefined when the flag was not given. */
export function wholeNumber(text: string | undefined, flag: string, limits: { min: number; max: number }): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\+?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(value) && value >= limits.min && value <= limits.max) return value;
  throw usageError(`${flag} ${JSON.stringify(text)} is not a whole number from ${limits.min} to ${limits.max}`);
}
