// Reads the Lua commands from packages/queue/lua, one file each, and joins the shared parts they name by `--- @include "<name>"`.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { COMMANDS } from "@saphena/contracts";
import type { CommandName } from "@saphena/contracts";

// src/ and dist/ both lie one level below the package root.
export const LUA_FOLDER: URL = new URL("../lua/", import.meta.url);
const INCLUDE = /^--- @include "([a-z]+)"$/gm;

export interface LuaScript {
  readonly text: string;
  /** What EVALSHA takes. */
  readonly sha1: string;
}
export type LuaScripts = Readonly<Record<CommandName, LuaScript>>;

export async function loadScripts(): Promise<LuaScripts> {
  const names = Object.keys(COMMANDS) as CommandName[];
  const scripts = await Promise.all(names.map(async (name) => [name, await loadScript(`${name}.lua`)] as const));
  return Object.fromEntries(scripts) as Record<CommandName, LuaScript>;
}

/** One file with its includes, each part once, in the place where it is first named. */
export async function loadScript(file: string): Promise<LuaScript> {
  const text = await expand(file, new Set());
  return { text, sha1: createHash("sha1").update(text).digest("hex") };
}

async function expand(file: string, included: Set<string>): Promise<string> {
  const source = await readFile(new URL(file, LUA_FOLDER), "utf8");
  let text = "";
  let from = 0;
  for (const match of source.matchAll(INCLUDE)) {
    text += source.slice(from, match.index);
    from = match.index + match[0].length;
    const name = match[1]!;
    if (included.has(name)) continue;
    included.add(name);
    text += await expand(`includes/${name}.lua`, included);
  }
  return text + source.slice(from);
}
