// From what nvidia-smi prints to the slots of a worker: all of it without a GPU.
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { until } from "@saphena/testing";
import { grantedCores } from "./cpu-cores.ts";
import { probeDevices } from "./device-probe.ts";
import type { DeviceProbe } from "./device-probe.ts";
import { busyPercent, gpuStatus, startDeviceReport } from "./device-report.ts";
import { GPU_LIST, GPU_QUERY, parseGpuQuery, parseMigInstances, withMigInstances } from "./nvidia-smi.ts";
import type { Gpu } from "./nvidia-smi.ts";
import { slotPlan } from "./slot-plan.ts";
import { SlotTable } from "./slot-table.ts";
import { trainerEnvironment } from "./trainer-process.ts";
import { visibleDevices } from "./visible-devices.ts";
import { usableGpus } from "./worker-devices.ts";

const H100 = "0, GPU-5f3b1e0a-77c1-4a0c-9c53-3f7d1a2b4c5d, NVIDIA H100 80GB HBM3, 81559, 4, 0\n";
const TWO = `0, GPU-11111111-0000-4000-8000-000000000001, NVIDIA A100-SXM4-40GB, 40960, 3, 97
1, GPU-22222222-0000-4000-8000-000000000002, NVIDIA RTX A6000, 49140, 12011, 5
`;
/** MIG on: no utilization of the whole card. */
const DIVIDED = "0, GPU-33333333-0000-4000-8000-000000000003, NVIDIA A100-SXM4-40GB, 40960, 45, [N/A]\n";
const DIVIDED_LIST = `GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-33333333-0000-4000-8000-000000000003)
  MIG 3g.20gb     Device  0: (UUID: MIG-aaaaaaaa-1111-5111-8111-000000000001)
  MIG 1g.5gb      Device  1: (UUID: MIG-bbbbbbbb-2222-5222-8222-000000000002)
`;
/** Memory shared with the CPU: the driver tells nothing of it. */
const SHARED_MEMORY = "0, GPU-44444444-0000-4000-8000-000000000004, NVIDIA GB10, [N/A], [N/A], 0\n";

const uuids = (gpus: readonly Gpu[]): string[] => gpus.map(({ uuid }) => uuid.slice(0, 5));

describe("nvidia-smi", () => {
  test("lists one card or several, with what the driver tells", () => {
    expect(parseGpuQuery(H100)).toEqual([
      {
        index: 0,
        uuid: "GPU-5f3b1e0a-77c1-4a0c-9c53-3f7d1a2b4c5d",
        name: "NVIDIA H100 80GB HBM3",
        memoryTotalMiB: 81_559,
        memoryUsedMiB: 4,
        utilizationPercent: 0,
      },
    ]);
    expect(parseGpuQuery(TWO).map(({ index, name, utilizationPercent }) => [index, name, utilizationPercent])).toEqual([
      [0, "NVIDIA A100-SXM4-40GB", 97],
      [1, "NVIDIA RTX A6000", 5],
    ]);
    expect(parseGpuQuery(SHARED_MEMORY)[0]).toMatchObject({
      name: "NVIDIA GB10",
      memoryTotalMiB: null,
      memoryUsedMiB: null,
      utilizationPercent: 0,
    });
    expect(parseGpuQuery(DIVIDED)[0]).toMatchObject({ memoryUsedMiB: 45, utilizationPercent: null });
    expect(parseGpuQuery("No devices were found\n")).toEqual([]);
    expect(parseGpuQuery("")).toEqual([]);
  });

  test("that prints something else is not read at a guess", () => {
    for (const text of ["Failed to initialize NVML: Driver/library version mismatch", "0, GPU-1, A", "x, GPU-1, A, 1, 2, 3"])
      expect(() => parseGpuQuery(text)).toThrow(/nvidia-smi said/);
  });

  test("shows a divided card as its instances, each with a UUID of its own", () => {
    const gpus = withMigInstances(parseGpuQuery(DIVIDED + TWO), parseMigInstances(DIVIDED_LIST));
    expect(gpus.map(({ name }) => name)).toEqual([
      "NVIDIA A100-SXM4-40GB MIG 3g.20gb",
      "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
      "NVIDIA A100-SXM4-40GB",
      "NVIDIA RTX A6000",
    ]);
    expect(gpus[1]).toMatchObject({ uuid: "MIG-bbbbbbbb-2222-5222-8222-000000000002", memoryTotalMiB: null, utilizationPercent: null });
  });

  test("is asked for cards and then for their instances; absent is not the same as failing", async () => {
    const answers = (query: string | Error, list: string | Error) => (args: readonly string[]) => {
      const answer = args === GPU_QUERY ? query : args === GPU_LIST ? list : new Error("not asked");
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    };
    expect(await probeDevices(answers(DIVIDED, DIVIDED_LIST))).toMatchObject({
      kind: "found",
      gpus: [{ name: "NVIDIA A100-SXM4-40GB MIG 3g.20gb" }, { name: "NVIDIA A100-SXM4-40GB MIG 1g.5gb" }],
    });
    expect(await probeDevices(answers(H100, new Error("unknown option -L")))).toMatchObject({
      kind: "found",
      gpus: [{ memoryUsedMiB: 4 }],
    });
    expect(await probeDevices(answers(Object.assign(new Error("spawn"), { code: "ENOENT" }), ""))).toEqual({ kind: "absent" });
    expect(await probeDevices(answers(new Error("exit code 9: driver"), ""))).toEqual({ kind: "failed", message: "exit code 9: driver" });
    expect(await probeDevices(answers("garbage", ""))).toEqual({ kind: "failed", message: "nvidia-smi said: garbage" });
  });
});

describe("CUDA_VISIBLE_DEVICES", () => {
  const cards = parseGpuQuery(TWO);
  const visible = (text: string | undefined, order?: string): string[] => uuids(visibleDevices(cards, { visible: text, order }).devices);

  test("leaves the cards it names, in its order, by index or by the beginning of a UUID", () => {
    expect(visible(undefined)).toEqual(["GPU-1", "GPU-2"]);
    expect(visible("1")).toEqual(["GPU-2"]);
    expect(visible(" 1 , 0 ")).toEqual(["GPU-2", "GPU-1"]);
    expect(visible("GPU-22222222,GPU-1")).toEqual(["GPU-2", "GPU-1"]);
  });

  test("ends at the first entry that names no card, as CUDA has it", () => {
    for (const text of ["", "-1", "7", "GPU-", "GPU-9", "all"]) expect(visible(text)).toEqual([]);
    expect(visible("1,9,0")).toEqual(["GPU-2"]);
    expect(visible("0,0,1")).toEqual(["GPU-1"]);
  });

  test("is ambiguous where it counts unequal cards and CUDA may count them otherwise", () => {
    expect(visibleDevices(cards, { visible: "1", order: undefined }).ambiguous).toBe(true);
    expect(visibleDevices(cards, { visible: "1", order: "PCI_BUS_ID" }).ambiguous).toBe(false);
    expect(visibleDevices(cards, { visible: "GPU-2", order: undefined }).ambiguous).toBe(false);
    expect(visibleDevices([cards[0]!], { visible: "0", order: undefined }).ambiguous).toBe(false);
  });
});

describe("what keeps a GPU from being used is said", () => {
  const gpus = parseGpuQuery(TWO);
  const plain = { visible: undefined, order: undefined, engineUsesGpus: true };
  test.each([
    ["no GPU, nothing to say", { kind: "absent" } as const, plain, 0, /^$/],
    ["all is well", { kind: "found", gpus } as const, plain, 2, /^$/],
    ["a driver that fails", { kind: "failed", message: "exit code 9: NVML" } as const, plain, 0, /training on the CPU.*exit code 9: NVML/],
    [
      "the CPU engine",
      { kind: "found", gpus } as const,
      { ...plain, engineUsesGpus: false },
      0,
      /A100.*A6000; run `npm run setup -- --gpu`/,
    ],
    [
      "a variable that names nothing here",
      { kind: "found", gpus } as const,
      { ...plain, visible: "5" },
      0,
      /CUDA_VISIBLE_DEVICES=5 names none/,
    ],
    ["the CPU by the user's own wish", { kind: "found", gpus } as const, { ...plain, visible: "" }, 0, /^$/],
    ["indices of unequal cards", { kind: "found", gpus } as const, { ...plain, visible: "1" }, 1, /by UUID/],
  ])("%s", (_, probe, wishes, count, warning) => {
    const usable = usableGpus(probe, wishes);
    expect(usable.gpus).toHaveLength(count);
    expect(usable.warnings.join()).toMatch(warning);
  });
});

describe("slots", () => {
  const gpus = parseGpuQuery(TWO);
  const none = { slots: null, slotsPerDevice: null, offset: 0, cores: 3 };
  const names = (devices: readonly Gpu[], wishes: Partial<typeof none> | Record<string, number>): string[] =>
    slotPlan(devices, { ...none, ...wishes }).map(({ name }) => name);

  test("without a GPU: one a core, or as many as asked for", () => {
    expect(slotPlan([], none)).toEqual([0, 1, 2].map((at) => ({ name: `cpu-${at}`, device: { kind: "cpu" } })));
    expect(names([], { slots: 1 })).toEqual(["cpu-0"]);
    expect(names([], { slotsPerDevice: 4 })).toHaveLength(3);
  });

  test("with GPUs: dealt out in turn, and every one on a GPU", () => {
    expect(names(gpus, {})).toEqual(["gpu-0-0", "gpu-1-0"]);
    expect(names(gpus, { slotsPerDevice: 2 })).toEqual(["gpu-0-0", "gpu-1-0", "gpu-0-1", "gpu-1-1"]);
    expect(names(gpus, { slots: 3 })).toEqual(["gpu-0-0", "gpu-1-0", "gpu-0-1"]);
    expect(names(gpus, { slots: 3, slotsPerDevice: 1 })).toEqual(["gpu-0-0", "gpu-1-0"]);
    expect(slotPlan(gpus, none).map(({ device }) => (device.kind === "gpu" ? device.uuid : ""))).toEqual(gpus.map(({ uuid }) => uuid));
  });

  test("of several workers of one slot fall on the GPUs in turn", () => {
    expect([0, 1, 2, 3].flatMap((offset) => names(gpus, { slots: 1, offset }))).toEqual(["gpu-0-0", "gpu-1-0", "gpu-0-1", "gpu-1-1"]);
  });

  test("show a trainer their own device and no other", () => {
    const environment = {
      PATH: "/bin",
      CUDA_VISIBLE_DEVICES: "0,1",
      AWS_SECRET_ACCESS_KEY: "s",
      SAPHENA_ENGINE: "native",
      SAPHENA_STORE: "s3://b",
    };
    const passed = { PATH: "/bin", SAPHENA_ENGINE: "native" };
    const [gpu] = slotPlan(gpus, none);
    expect(trainerEnvironment(environment, gpu!)).toEqual({ ...passed, CUDA_VISIBLE_DEVICES: gpus[0]!.uuid });
    expect(trainerEnvironment(environment, slotPlan([], none)[0]!)).toEqual({ ...passed, CUDA_VISIBLE_DEVICES: "" });
  });
});

test("the slot that has been free longest goes first, and more than there are cannot be taken", () => {
  const table = new SlotTable(slotPlan([], { slots: 2, slotsPerDevice: null, offset: 0, cores: 1 }));
  const [first, second] = [table.take(), table.take()];
  expect(() => table.take()).toThrow(/no slot was free/);
  table.giveBack(second);
  table.giveBack(first);
  expect([table.take(), table.take()]).toEqual([second, first]);
});

test("a container's share of the cores is whole cores, and at least one", () => {
  expect([null, "max 100000\n", "200000 100000\n", "350000 100000\n", "50000 100000\n"].map(grantedCores)).toEqual([null, null, 2, 3, 1]);
});

describe("the report of devices", () => {
  const gpus = parseGpuQuery(TWO);
  const slots = slotPlan(gpus, { slots: 3, slotsPerDevice: null, offset: 0, cores: 1 });

  test("counts the slots of each card that is used, and tells no figures of one that is lost", () => {
    expect(gpuStatus(slots, gpus.slice(0, 1))).toEqual([
      {
        kind: "gpu",
        id: gpus[0]!.uuid,
        name: "NVIDIA A100-SXM4-40GB",
        slots: 2,
        memoryTotalMiB: 40_960,
        memoryUsedMiB: 3,
        utilizationPercent: 97,
      },
      {
        kind: "gpu",
        id: gpus[1]!.uuid,
        name: "not listed by nvidia-smi",
        slots: 1,
        memoryTotalMiB: null,
        memoryUsedMiB: null,
        utilizationPercent: null,
      },
    ]);
  });

  test("tells what was found last; while nvidia-smi fails no old figures as if they were new", async () => {
    let answer: DeviceProbe = { kind: "found", gpus: [{ ...gpus[0]!, memoryUsedMiB: 999 }, gpus[1]!] };
    const report = startDeviceReport({ slots, gpus, everyMs: 1, log: pino({ level: "silent" }), probe: () => Promise.resolve(answer) });
    const used = (): number | null => report.current()[0]!.memoryUsedMiB;
    expect(used()).toBe(3);
    await until(() => used() === 999, { what: "the second look" });
    answer = { kind: "failed", message: "gone" };
    await until(() => used() === null, { what: "the failing look" });
    report.close();
    expect(report.current()[0]).toMatchObject({ memoryTotalMiB: 40_960, utilizationPercent: null });
  });

  test("of a CPU tells memory and the share of time that was busy", () => {
    const report = startDeviceReport({
      slots: slotPlan([], { slots: 2, slotsPerDevice: null, offset: 0, cores: 1 }),
      gpus: [],
      everyMs: 60_000,
      log: pino({ level: "silent" }),
    });
    report.close();
    const [cpu] = report.current();
    expect(cpu).toMatchObject({ kind: "cpu", id: "cpu", slots: 2, utilizationPercent: null });
    expect(cpu!.memoryUsedMiB).toBeLessThan(cpu!.memoryTotalMiB!);
    expect(busyPercent({ busyMs: 100, allMs: 1_000 }, { busyMs: 400, allMs: 2_000 })).toBe(30);
    expect(busyPercent({ busyMs: 1, allMs: 1_000 }, { busyMs: 1, allMs: 1_000 })).toBeNull();
  });
});
