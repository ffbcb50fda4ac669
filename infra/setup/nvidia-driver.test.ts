import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askNvidiaDriver, driverAnswer } from "./nvidia-driver.mjs";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "saphena-driver-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program that stands in for nvidia-smi. */
async function nvidiaSmi(script: string) {
  const path = join(folder, "nvidia-smi");
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

test("the driver's answer is its version and the GPUs it lists", async () => {
  const lines = ["0, GPU-5c1a, NVIDIA H100 80GB HBM3, 81559, 550.54.15", "1, GPU-77d0, Tesla T4, 15360, 550.54.15"];
  await nvidiaSmi(lines.map((line) => `echo '${line}'`).join("\n"));
  expect(await askNvidiaDriver({ env: { PATH: folder } })).toEqual({
    kind: "answers",
    version: "550.54.15",
    gpus: [
      { index: 0, uuid: "GPU-5c1a", name: "NVIDIA H100 80GB HBM3", memoryMib: 81559 },
      { index: 1, uuid: "GPU-77d0", name: "Tesla T4", memoryMib: 15360 },
    ],
  });
});

test("a GPU without memory of its own is listed all the same", () => {
  expect(driverAnswer("0, GPU-1, NVIDIA GB10, [N/A], 580.95.05\n")).toMatchObject({ gpus: [{ name: "NVIDIA GB10", memoryMib: null }] });
});

test("a driver that fails is quoted", async () => {
  await nvidiaSmi("echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'; exit 9");
  expect(await askNvidiaDriver({ env: { PATH: folder } })).toEqual({
    kind: "silent",
    said: "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.",
  });
  expect(driverAnswer("No devices were found\n")).toEqual({ kind: "silent", said: "No devices were found" });
});

test("a machine without nvidia-smi has no driver that could be asked", async () => {
  expect(await askNvidiaDriver({ env: { PATH: folder } })).toMatchObject({ kind: "absent" });
});
