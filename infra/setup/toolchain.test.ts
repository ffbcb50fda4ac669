import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { locateRedis } from "./redis.mjs";
import { checkNode, findProgram, requireCompiler, requirePip } from "./toolchain.mjs";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "saphena-tools-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(name: string, script: string) {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

test("a Node before 20.19 is refused with the version that is needed", () => {
  expect(() => checkNode("18.20.4")).toThrow("Node 18.20.4 is too old; Saphena needs 20.19 or newer");
  expect(() => checkNode("20.11.1")).toThrow("too old");
  expect(() => checkNode("20.19.0")).not.toThrow();
  expect(() => checkNode("24.1.0")).not.toThrow();
});

test("a machine without python3 gets the line that installs it", async () => {
  await expect(requirePip({ PATH: folder })).rejects.toMatchObject({
    code: "SETUP_PYTHON_MISSING",
    hint: expect.stringContaining("apt-get install python3 python3-pip") as string,
  });
});

test("a python3 without pip gets the line that installs pip", async () => {
  await program("python3", "echo 'No module named pip' >&2; exit 1");
  await expect(requirePip({ PATH: folder })).rejects.toMatchObject({ code: "SETUP_PIP_MISSING" });
});

test("a machine without a C++ compiler gets the line that installs one", () => {
  expect(() => requireCompiler({ PATH: folder })).toThrow("no C++ compiler on PATH");
});

test("CXX names the compiler, and g++ is taken before clang++", async () => {
  await program("clang++", "exit 0");
  await program("g++", "exit 0");
  expect(requireCompiler({ PATH: folder })).toBe(join(folder, "g++"));
  expect(requireCompiler({ PATH: folder, CXX: "clang++" })).toBe(join(folder, "clang++"));
});

test("a file on PATH that cannot be executed is not a program", async () => {
  await writeFile(join(folder, "go"), "");
  expect(findProgram("go", { PATH: folder })).toBeUndefined();
});

test("a Redis server before 6.2 is passed over, a newer one is found with its version", async () => {
  await program("redis-server", "echo 'Redis server v=5.0.7 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64'");
  const places = { cache: join(folder, "cache"), env: { PATH: folder } };
  expect(locateRedis(places)).toBeUndefined();
  await program("valkey-server", "echo 'Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64'");
  expect(locateRedis(places)).toEqual({ binary: join(folder, "valkey-server"), version: "8.0.1", source: "path" });
});

test("set-up on a bare machine names all that is missing at once, with remedies and without a stack trace", () => {
  const setUp = spawnSync(process.execPath, [join(import.meta.dirname, "setup.mjs")], {
    env: { PATH: folder, SAPHENA_CACHE: join(folder, "cache") },
    encoding: "utf8",
  });
  expect(setUp.status).toBe(1);
  expect(setUp.stdout).toBe("");
  expect(setUp.stderr).toMatch(/^error: SETUP_PYTHON_MISSING: .+\n\nhint: .+\nerror: SETUP_COMPILER_MISSING: .+\n\nhint: .+\n$/);
});

test("an unknown option is bad input", () => {
  const setUp = spawnSync(process.execPath, [join(import.meta.dirname, "setup.mjs"), "--gpus"], { encoding: "utf8" });
  expect(setUp.status).toBe(2);
  expect(setUp.stderr).toMatch(/^error: SETUP_BAD_OPTION: /);
});
