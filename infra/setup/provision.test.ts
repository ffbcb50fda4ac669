import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cacheFolder, installedItem, itemFolder, provision } from "./provision.mjs";

let cache = "";
let builds = 0;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "saphena-cache-"));
  builds = 0;
});
afterEach(() => rm(cache, { recursive: true, force: true }));

async function buildEngine(staging: string) {
  builds += 1;
  await writeFile(join(staging, "engine"), "the right bytes");
  return { files: ["engine"], facts: {} };
}

function provisionEngine() {
  return provision("engine", buildEngine, { cache });
}

/** A process that starts the same provisioning: `slow` builds hang until they are killed. */
function otherSetUp(slow: boolean) {
  const program = `
    import { appendFile, writeFile } from "node:fs/promises";
    import { provision } from ${JSON.stringify(join(import.meta.dirname, "provision.mjs"))};
    await provision("engine", async (staging) => {
      await appendFile(${JSON.stringify(join(cache, "builds"))}, "x");
      await writeFile(staging + "/engine", ${slow} ? "half of" : "the right bytes");
      process.stdout.write("building");
      if (${slow}) await new Promise((resolve) => setTimeout(resolve, 60_000));
      return { files: ["engine"], facts: {} };
    }, { cache: ${JSON.stringify(cache)} });`;
  return spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
}

test("the cache folder is SAPHENA_CACHE, else below XDG_CACHE_HOME", () => {
  expect(cacheFolder({ SAPHENA_CACHE: "/data/cache", XDG_CACHE_HOME: "/x" })).toBe("/data/cache");
  expect(cacheFolder({ XDG_CACHE_HOME: "/x" })).toBe("/x/saphena");
  expect(cacheFolder({})).toMatch(/\.cache\/saphena$/);
});

test("an item is built once and then found without work", async () => {
  const folder = await provisionEngine();
  expect(await provisionEngine()).toBe(folder);
  expect(builds).toBe(1);
  expect(installedItem(folder)?.files.map((file: { path: string }) => file.path)).toEqual(["engine"]);
});

test("two set-ups at once build an item once", async () => {
  const others = [otherSetUp(false), otherSetUp(false), otherSetUp(false)];
  const codes = await Promise.all(others.map(async (child) => (await once(child, "exit"))[0] as number));
  expect(codes).toEqual([0, 0, 0]);
  expect(await readFile(join(cache, "builds"), "utf8")).toBe("x");
});

test("a set-up that was killed leaves nothing that counts, and the next one builds the item", async () => {
  const killed = otherSetUp(true);
  await once(killed.stdout, "data");
  killed.kill("SIGKILL");
  await once(killed, "exit");
  expect(installedItem(itemFolder("engine", cache))).toBeUndefined();
  const folder = await provisionEngine();
  expect(await readFile(join(folder, "engine"), "utf8")).toBe("the right bytes");
  expect(existsSync(join(cache, "staging", "engine"))).toBe(false);
});

test("a build that fails leaves nothing behind", async () => {
  const failing = provision("engine", () => Promise.reject(new Error("no network")), { cache });
  await expect(failing).rejects.toThrow("no network");
  expect(existsSync(itemFolder("engine", cache))).toBe(false);
  await provisionEngine();
  expect(builds).toBe(1);
});

test("a file of the right size but other bytes is installed again", async () => {
  const file = join(await provisionEngine(), "engine");
  await writeFile(file, "the WRONG bytes");
  const damaged: string[] = [];
  await provision("engine", buildEngine, { cache, onDamage: (path: string) => void damaged.push(path) });
  expect(damaged).toEqual([file]);
  expect(await readFile(file, "utf8")).toBe("the right bytes");
});

test("a missing or cut file is installed again", async () => {
  const file = join(await provisionEngine(), "engine");
  await writeFile(file, "the");
  await provisionEngine();
  await rm(file);
  await provisionEngine();
  expect(builds).toBe(3);
  expect((await stat(file)).size).toBe(15);
});

test("a file with another time but the same bytes is kept", async () => {
  const folder = await provisionEngine();
  const longAgo = new Date("2020-01-01");
  await utimes(join(folder, "engine"), longAgo, longAgo);
  await provisionEngine();
  expect(builds).toBe(1);
  expect(installedItem(folder)).toBeDefined();
});
