import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { hashFile } from "./provision.mjs";
import { unpackWheel } from "./wheel.mjs";

const WRITE_WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    archive.writestr("probe/library.so", "the library")
    archive.writestr("probe/other.py", "not wanted")
    archive.writestr("saphena_probe-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: saphena-probe\\nVersion: 1.0\\n")
    archive.writestr("saphena_probe-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    archive.writestr("saphena_probe-1.0.dist-info/RECORD", "")
`;
const FILE = "saphena_probe-1.0-py3-none-any.whl";
let folder = "";

/** A folder that pip treats as its only source of packages, with one small wheel in it. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "saphena-wheel-"));
  await mkdir(join(folder, "source"));
  execFileSync("python3", ["-c", WRITE_WHEEL, join(folder, "source", FILE)]);
  vi.stubEnv("PIP_NO_INDEX", "1");
  vi.stubEnv("PIP_FIND_LINKS", join(folder, "source"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

async function pinned(version = "1.0") {
  const sha256 = await hashFile(join(folder, "source", FILE));
  const sizeBytes = 1000;
  return { project: "saphena-probe", version, file: FILE, sha256, sizeBytes, platformTag: "manylinux2014_x86_64", pythonVersion: "3.11" };
}

function places() {
  return { target: join(folder, "target"), scratch: join(folder, "scratch"), prefixes: ["probe/library.so"], say: () => {} };
}

test("of a wheel with the pinned hash only the wanted members are unpacked", async () => {
  await unpackWheel(await pinned(), places());
  expect(await readFile(join(folder, "target", "probe", "library.so"), "utf8")).toBe("the library");
  expect(await readdir(join(folder, "target", "probe"))).toEqual(["library.so"]);
  expect(existsSync(join(folder, "scratch"))).toBe(false);
});

test("a wheel that was tampered with is refused and nothing of it is unpacked", async () => {
  const wheel = await pinned();
  await appendFile(join(folder, "source", FILE), "one more byte");
  const refused = unpackWheel(wheel, places());
  await expect(refused).rejects.toMatchObject({ code: "SETUP_HASH_MISMATCH", message: expect.stringContaining(wheel.sha256) as string });
  expect(existsSync(join(folder, "target"))).toBe(false);
});

test("a wheel that cannot be found gives one error with the remedy", async () => {
  const absent = unpackWheel(await pinned("9.9"), places());
  await expect(absent).rejects.toMatchObject({ code: "SETUP_DOWNLOAD_FAILED", hint: expect.stringContaining("PIP_FIND_LINKS") as string });
});
