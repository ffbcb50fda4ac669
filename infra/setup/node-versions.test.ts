import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ensureNodeVersions, locateNodeVersions, testUnderNode } from "./node-versions.mjs";

const PLATFORM = `${process.platform}-${process.arch}`;
const NAME = "saphena-probe-node";
const VERSION = "9.9.9";
let folder = "";
let server: Server;
let integrity = "";

/** A registry that knows one package, whose bin/node is a shell script. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "saphena-node-"));
  await mkdir(join(folder, "package", "bin"), { recursive: true });
  await writeFile(join(folder, "package", "bin", "node"), '#!/bin/sh\necho "      Tests  3 passed (3)"\nexit "${PROBE_EXIT:-0}"\n', {
    mode: 0o755,
  });
  await writeFile(join(folder, "package", "package.json"), JSON.stringify({ name: NAME, version: VERSION }));
  execFileSync("tar", ["-czf", "probe.tgz", "package"], { cwd: folder });
  const archive = await readFile(join(folder, "probe.tgz"));
  integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  server = createServer((request, response) => {
    if (request.url === `/${NAME}`) response.end(JSON.stringify(packument()));
    else if (request.url === "/probe.tgz") response.end(archive);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("npm_config_registry", registry());
  vi.stubEnv("npm_config_cache", join(folder, "npm-cache"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const registry = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const packument = (): object => {
  const dist = { tarball: `${registry()}/probe.tgz`, integrity };
  return { name: NAME, "dist-tags": { latest: VERSION }, versions: { [VERSION]: { name: NAME, version: VERSION, dist } } };
};

async function ensured(pinned: string, { name = NAME, platform = PLATFORM } = {}) {
  const said: string[] = [];
  const options = { cache: join(folder, "cache"), pins: [{ version: VERSION, platform, package: name, integrity: pinned }] };
  const [found] = await ensureNodeVersions({ ...options, say: (line: string) => void said.push(line) });
  expect(locateNodeVersions(options)).toEqual([found]);
  return { found, said };
}

test("a pinned Node comes out of npm into the cache, and tests run under it", async () => {
  const { found, said } = await ensured(integrity);
  expect(said).toEqual([`fetching Node ${VERSION} (once per machine)`]);
  expect(found?.version).toBe(VERSION);
  const binary = found?.binary as string;
  expect(await testUnderNode(binary, folder, ["packages"])).toMatchObject({ passed: true, summary: "3 passed (3)" });
  vi.stubEnv("PROBE_EXIT", "1");
  expect(await testUnderNode(binary, folder, ["packages"])).toMatchObject({ passed: false });
});

test("a Node that was tampered with is not used", async () => {
  const { found, said } = await ensured(`sha512-${"A".repeat(86)}==`);
  expect(found).toEqual({ version: VERSION, binary: null });
  expect(said.at(-1)).toMatch(/^Node 9\.9\.9 cannot be had: .+ instead of sha512-A+==; it was not used$/);
});

test("a Node that npm cannot find is said and stays missing", async () => {
  const { found, said } = await ensured(integrity, { name: "saphena-no-such-package" });
  expect(found).toEqual({ version: VERSION, binary: null });
  expect(said.at(-1)).toMatch(/^Node 9\.9\.9 cannot be had: npm could not download saphena-no-such-package@9\.9\.9/);
});

test("a Node of another platform is not fetched", async () => {
  const { found, said } = await ensured(integrity, { platform: "plan9-mips" });
  expect(found).toEqual({ version: VERSION, binary: null });
  expect(said).toEqual([`Node ${VERSION} cannot be had: none is pinned for ${PLATFORM}`]);
});

test("the running Node stands for its own major version; the others are there only when they are in the cache", () => {
  const major = process.versions.node.split(".")[0];
  const pins = [
    { version: `${major}.0.0`, platform: PLATFORM, package: NAME, integrity },
    { version: "1.2.3", platform: PLATFORM, package: NAME, integrity },
  ];
  expect(locateNodeVersions({ cache: join(folder, "cache"), pins })).toEqual([
    { version: process.versions.node, binary: process.execPath },
    { version: "1.2.3", binary: null },
  ]);
});
