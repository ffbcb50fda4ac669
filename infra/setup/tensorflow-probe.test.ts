import { expect, test } from "vitest";
import { probeTensorflow, readTalk, unloadableLibraries } from "./tensorflow-probe.mjs";

const AT = "0000 00:00:1795544663.985761    5374";

test("devices and complaints are read from what TensorFlow says, each once", () => {
  const created =
    "gpu_device.cc:2020] Created device /job:localhost/replica:0/task:0/device:GPU:0 with 79205 MB memory:  -> device: 0, name: NVIDIA H100 80GB HBM3, pci bus id: 0000:17:00.0, compute capability: 9.0";
  const talk = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    `I${AT} port.cc:153] oneDNN custom operations are on.`,
    `I${AT} ${created}`,
    `I${AT} ${created}`,
    `E${AT} cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: CUDA_ERROR_NO_DEVICE: none`,
    `2026-11-24 18:00:00.000000: W tensorflow/core/common_runtime/gpu/gpu_device.cc:2341] Cannot dlopen some GPU libraries.`,
  ];
  expect(readTalk(talk.join("\n"))).toEqual({
    devices: ["NVIDIA H100 80GB HBM3, 79205 MB, compute capability 9.0"],
    complaints: [
      "failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: CUDA_ERROR_NO_DEVICE: none",
      "Cannot dlopen some GPU libraries.",
    ],
  });
});

test("the installed engine answers in a process of its own, and every library of its own loads", async () => {
  expect(await probeTensorflow()).toMatchObject({ kind: "loaded", usesGpu: expect.any(Boolean) as boolean });
  expect((await unloadableLibraries()).filter(({ library }: { library: string }) => library !== "libcuda.so.1")).toEqual([]);
});

test("an engine whose process cannot start says how it ended", async () => {
  const broken = await probeTensorflow({ env: { ...process.env, NODE_OPTIONS: "--require=/nowhere/preload.js" } });
  expect(broken).toMatchObject({ kind: "failed", said: expect.stringMatching(/Cannot find module|exit code 1/) as string });
});
