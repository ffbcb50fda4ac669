import { expect, test } from "vitest";
import type { NvidiaGpu, TensorflowProbe } from "@saphena/setup";
import { deviceCheck, findDevices, type DeviceFacts } from "./device-findings.ts";

const H100: NvidiaGpu = { index: 0, uuid: "GPU-5c1a2b3c-0000", name: "NVIDIA H100 80GB HBM3", memoryMib: 81559 };
const SECOND: NvidiaGpu = { ...H100, index: 1, uuid: "GPU-77d0e1f2-0000" };
const SEES_NONE: TensorflowProbe = { kind: "loaded", usesGpu: false, devices: [], complaints: [] };
const SEES_ONE: TensorflowProbe = { ...SEES_NONE, usesGpu: true, devices: ["NVIDIA H100 80GB HBM3, 79205 MB, compute capability 9.0"] };

/** A machine with two GPUs and a new driver, where the engine for GPUs is installed and uses one. */
function facts(changes: Partial<DeviceFacts> = {}): DeviceFacts {
  return {
    machine: "16 CPUs, 128 GB memory",
    engine: "cuda",
    cudaOffered: true,
    driver: { kind: "answers", version: "550.54.15", gpus: [H100, SECOND] },
    driverFloor: "525.60.13",
    visibleDevices: null,
    probe: SEES_ONE,
    refused: [],
    ...changes,
  };
}
const unseen = (changes: Partial<DeviceFacts> = {}): DeviceFacts => facts({ probe: SEES_NONE, ...changes });

test("a GPU that TensorFlow uses is good news, whatever else is odd", () => {
  expect(deviceCheck(facts())).toEqual({
    name: "devices",
    state: "ok",
    detail: "16 CPUs, 128 GB memory; TensorFlow sees NVIDIA H100 80GB HBM3, 79205 MB, compute capability 9.0 (1 of 2 GPUs)",
    remedy: null,
  });
  expect(deviceCheck(facts({ driver: { kind: "answers", version: "470.1", gpus: [H100] } })).state).toBe("ok");
});

test("a GPU that TensorFlow uses but nvidia-smi does not list gets no slots", () => {
  const check = deviceCheck(facts({ driver: { kind: "absent", hardware: true } }));
  expect(check).toMatchObject({ state: "note", remedy: expect.stringContaining("nvidia-smi on PATH") as string });
});

test("a machine without an NVIDIA GPU needs nothing", () => {
  const check = deviceCheck(facts({ engine: "cpu", probe: null, driver: { kind: "absent", hardware: false } }));
  expect(check).toMatchObject({ state: "ok", detail: "16 CPUs, 128 GB memory; no NVIDIA GPU", remedy: null });
});

test("GPUs beside the engine for the CPU: the command that fetches the other one", () => {
  expect(deviceCheck(facts({ engine: "cpu", probe: null }))).toMatchObject({
    state: "note",
    detail: expect.stringContaining("2 x NVIDIA H100 80GB HBM3 (81559 MiB), which the engine for the CPU does not use") as string,
    remedy: "run `npm run setup -- --gpu`",
  });
  expect(deviceCheck(facts({ engine: "cpu", probe: null, cudaOffered: false }))).toMatchObject({ state: "ok", remedy: null });
});

test("without a driver the engine for GPUs computes on the CPU, which is red only where a GPU is in the machine", () => {
  const nothing = deviceCheck(unseen({ driver: { kind: "absent", hardware: false } }));
  expect(nothing).toMatchObject({ state: "note", remedy: expect.stringContaining("npm run setup -- --cpu") as string });
  const card = deviceCheck(unseen({ driver: { kind: "absent", hardware: true } }));
  expect(card).toMatchObject({ state: "bad", remedy: expect.stringContaining("apt-get install nvidia-driver") as string });
  const cpuEngine = deviceCheck(facts({ engine: "cpu", probe: null, driver: { kind: "absent", hardware: true } }));
  expect(cpuEngine.state).toBe("note");
});

test("a driver that gives no answer is quoted", () => {
  const said = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.";
  expect(deviceCheck(unseen({ driver: { kind: "silent", said } }))).toMatchObject({
    state: "bad",
    detail: expect.stringContaining(said) as string,
  });
});

test("a driver from before CUDA 12 is too old, one from its first day is not", () => {
  const withDriver = (version: string): string => findDevices(unseen({ driver: { kind: "answers", version, gpus: [H100] } })).kind;
  expect(["470.256.02", "525.60.11", "525.9", "5.999.1"].map(withDriver)).toEqual(Array(4).fill("driver-too-old"));
  expect(["525.60.13", "525.60.13.1", "525.105.17", "580.95.05"].map(withDriver)).toEqual(Array(4).fill("not-seen"));
});

test("CUDA_VISIBLE_DEVICES that names no device hides all", () => {
  const withValue = (visibleDevices: string | null): string => findDevices(unseen({ visibleDevices })).kind;
  expect(["", "-1", "2", "none", "7,0", "GPU-ffff"].map(withValue)).toEqual(Array(6).fill("all-hidden"));
  expect([null, "0", "1,0", " 1", "gpu-77D0", "MIG-5f0"].map(withValue)).toEqual(Array(6).fill("not-seen"));
  expect(deviceCheck(unseen({ visibleDevices: "-1" }))).toMatchObject({
    state: "note",
    detail: expect.stringContaining('CUDA_VISIBLE_DEVICES="-1" hides every GPU (there are 2)') as string,
    remedy: expect.stringContaining("unset CUDA_VISIBLE_DEVICES") as string,
  });
});

test("a CUDA library that does not load is named with the loader's words", () => {
  const said = "cannot open shared object file: No such file or directory";
  const check = deviceCheck(
    unseen({
      refused: [
        { library: "libcudnn.so.9", said },
        { library: "libcublas.so.12", said },
      ],
    }),
  );
  expect(check).toMatchObject({ state: "bad", remedy: expect.stringContaining("npm run setup -- --gpu") as string });
  expect(check.detail).toContain(`libcudnn.so.9 does not load: ${said} (and 1 more)`);
  const zlib = deviceCheck(unseen({ refused: [{ library: "libcudnn_ops.so.9", said: `libz.so.1: ${said}` }] }));
  const driver = deviceCheck(unseen({ refused: [{ library: "libcuda.so.1", said }] }));
  expect(driver.remedy).toContain("NVIDIA_DRIVER_CAPABILITIES=compute,utility");
  expect(zlib.remedy).toContain("apt-get install zlib1g");
});

test("an engine that does not start, and one that sees no GPU, say why in their own words", () => {
  expect(deviceCheck(unseen({ probe: { kind: "failed", said: "it was ended by SIGSEGV" } }))).toMatchObject({
    state: "bad",
    detail: expect.stringContaining("it was ended by SIGSEGV") as string,
  });
  const complaint = "failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: CUDA_ERROR_NO_DEVICE";
  expect(deviceCheck(unseen({ probe: { ...SEES_NONE, complaints: ["earlier", complaint] } as TensorflowProbe }))).toMatchObject({
    state: "bad",
    detail: expect.stringContaining(`TensorFlow sees no GPU: ${complaint}`) as string,
  });
});

test("every finding that is not good has a remedy", () => {
  const drivers: DeviceFacts["driver"][] = [
    { kind: "absent", hardware: false },
    { kind: "absent", hardware: true },
    { kind: "silent", said: "x" },
    { kind: "answers", version: "470.1", gpus: [H100] },
    { kind: "answers", version: "570.1", gpus: [H100] },
  ];
  const probes: DeviceFacts["probe"][] = [null, SEES_NONE, SEES_ONE, { kind: "failed", said: "x" }];
  const all = (["cpu", "cuda", null] as const).flatMap((engine) =>
    drivers.flatMap((driver) =>
      probes.flatMap((probe) =>
        ["", null].flatMap((visibleDevices) =>
          [[], [{ library: "a", said: "b" }]].map((refused) => deviceCheck(facts({ engine, driver, probe, visibleDevices, refused }))),
        ),
      ),
    ),
  );
  expect(all.length).toBe(240);
  expect(all.filter(({ state, remedy }) => (state === "ok") !== (remedy === null))).toEqual([]);
});
