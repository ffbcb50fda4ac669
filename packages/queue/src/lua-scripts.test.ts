// The Lua files, the list of commands and the key names say the same.
import { readFile, readdir } from "node:fs/promises";
import { COMMANDS, redisKeys } from "@saphena/contracts";
import { startRedis } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import { beforeAll, expect, test } from "vitest";
import { LUA_FOLDER, loadScript, loadScripts } from "./lua-scripts.ts";
import { openSite } from "./sweep.case.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  return () => redis.stop();
});

const luaFiles = async (): Promise<string[]> => (await readdir(LUA_FOLDER)).filter((name) => name.endsWith(".lua"));

test("there is exactly one Lua file for each command", async () => {
  expect((await luaFiles()).toSorted()).toEqual(
    Object.keys(COMMANDS)
      .map((name) => `${name}.lua`)
      .toSorted(),
  );
});

test("each Lua file heads with its keys and arguments, names every reply of its command, and uses the fence it is listed with", async () => {
  for (const [name, { replies, fence }] of Object.entries(COMMANDS)) {
    const text = await readFile(new URL(`${name}.lua`, LUA_FOLDER), "utf8");
    const header = /^(--.*\n)+/.exec(text)?.[0] ?? "";
    expect(header, name).toContain("-- KEYS: ");
    expect(header, name).toContain("-- ARGV: ");
    const listed = /^-- Replies: ([^;\n]*)/m.exec(header)?.[1] ?? "";
    for (const reply of replies) expect(listed.split(/[^a-z-]+/), `${name} ${reply}`).toContain(reply);
    expect(text.includes('--- @include "leader"'), name).toBe(fence === "leader");
    const script = (await loadScripts())[name as keyof typeof COMMANDS].text;
    for (const reply of replies) expect(script, `${name} ${reply}`).toContain(`"${reply}"`);
  }
});

test("an include appears once, also when several files name it", async () => {
  const { text } = await loadScript("createTrials.lua");
  expect(text.split("local function nowMs()")).toHaveLength(2);
  expect(text).not.toContain('@include "');
});

test("the server compiles every command, and knows it by the sha1 that is computed here", async () => {
  const { connection } = await openSite(redis);
  for (const { text, sha1 } of Object.values(await loadScripts())) expect(await connection.client.script("LOAD", text)).toBe(sha1);
});

test("Lua spells every key as redisKeys does", async () => {
  const { connection } = await openSite(redis);
  const keys = redisKeys("some-namespace");
  const include = await readFile(new URL("includes/keys.lua", LUA_FOLDER), "utf8");
  const fixed = Object.entries(keys).filter(([name, value]) => typeof value === "string" && name !== "prefix" && name !== "bullPrefix") as [
    string,
    string,
  ][];
  for (const [name, value] of fixed)
    expect(await connection.client.eval(`${include}\nreturn key.${name}`, 1, keys.prefix), name).toBe(value);
  const made = {
    'sweep("s")': keys.sweep("s"),
    'backlog("s")': keys.backlog("s"),
    'openTrials("s")': keys.openTrials("s"),
    'trial("s", 3)': keys.trial("s", 3),
    'run("r")': keys.run("r"),
    'dispatching("p")': keys.dispatching("p"),
    'waiting("p")': keys.waiting("p"),
    'worker("w")': keys.worker("w"),
  };
  for (const [call, value] of Object.entries(made))
    expect(await connection.client.eval(`${include}\nreturn key.${call}`, 1, keys.prefix), call).toBe(value);
});
