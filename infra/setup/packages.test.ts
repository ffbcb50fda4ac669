import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { staleReason } from "./packages.mjs";

let root = "";

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "saphena-clone-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const ZOD = { version: "4.6.7", integrity: "sha512-a" };
const LINK = { resolved: "packages/cli", link: true };

async function lock(wanted: object, installed?: object) {
  await writeFile(join(root, "package-lock.json"), JSON.stringify({ packages: { "": { name: "saphena" }, ...wanted } }));
  await mkdir(join(root, "node_modules"), { recursive: true });
  if (installed) await writeFile(join(root, "node_modules", ".package-lock.json"), JSON.stringify({ packages: installed }));
}

test("a clean clone needs its packages installed", async () => {
  await lock({ "node_modules/zod": ZOD });
  expect(staleReason(root)).toBe("nothing is installed");
});

test("packages that match the lock file are left alone, whoever installed them", async () => {
  await lock({ "node_modules/zod": ZOD }, { "node_modules/zod": ZOD });
  expect(staleReason(root)).toBeUndefined();
});

test("another version, other bytes or an absent package is a reason to install", async () => {
  await lock({ "node_modules/zod": ZOD }, { "node_modules/zod": { ...ZOD, version: "4.6.6" } });
  expect(staleReason(root)).toBe("node_modules/zod is another version");
  await lock({ "node_modules/zod": ZOD }, { "node_modules/zod": { ...ZOD, integrity: "sha512-b" } });
  expect(staleReason(root)).toBe("node_modules/zod is another version");
  await lock({ "node_modules/zod": ZOD }, {});
  expect(staleReason(root)).toBe("node_modules/zod is missing");
});

test("a package for another platform may be absent", async () => {
  await lock({ "node_modules/zod": ZOD, "node_modules/sharp-darwin": { ...ZOD, optional: true } }, { "node_modules/zod": ZOD });
  expect(staleReason(root)).toBeUndefined();
});

test("a workspace whose link is gone is a reason to install", async () => {
  await lock({ "node_modules/@saphena/cli": LINK }, { "node_modules/@saphena/cli": LINK });
  expect(staleReason(root)).toBe("node_modules/@saphena/cli is missing");
  await mkdir(join(root, "packages", "cli"), { recursive: true });
  await mkdir(join(root, "node_modules", "@saphena"));
  await symlink(join(root, "packages", "cli"), join(root, "node_modules", "@saphena", "cli"));
  expect(staleReason(root)).toBeUndefined();
});
