// What a worker tells of its devices with every heartbeat. Looked up at a gentle pace beside the heartbeat, which must never wait
// for a driver.
import { cpus, freemem, totalmem } from "node:os";
import type { DeviceStatus, Slot } from "@saphena/contracts";
import type { Logger } from "pino";
import { probeDevices } from "./device-probe.ts";
import type { DeviceProbe } from "./device-probe.ts";
import type { Gpu } from "./nvidia-smi.ts";

export interface DeviceReport {
  /** The newest known. */
  current(): readonly DeviceStatus[];
  close(): void;
}

export interface CpuTimes {
  busyMs: number;
  allMs: number;
}

const MIB = 2 ** 20;

export function startDeviceReport(parts: {
  slots: readonly Slot[];
  /** What the first look found. */
  gpus: readonly Gpu[];
  everyMs: number;
  log: Logger;
  probe?: () => Promise<DeviceProbe>;
}): DeviceReport {
  const { slots, everyMs, log, probe = probeDevices } = parts;
  const computesOnGpu = slots.some(({ device }) => device.kind === "gpu");
  let times = cpuTimes();
  let current: DeviceStatus[] = computesOnGpu ? gpuStatus(slots, parts.gpus) : [cpuStatus(slots.length, null)];
  let looking = false;
  let complained = false;

  async function look(): Promise<void> {
    if (!computesOnGpu) {
      const now = cpuTimes();
      current = [cpuStatus(slots.length, busyPercent(times, now))];
      times = now;
      return;
    }
    const found = await probe();
    if (found.kind === "found") current = gpuStatus(slots, found.gpus);
    // What was true a while ago is not told as if it were true now.
    else current = current.map((device) => ({ ...device, memoryUsedMiB: null, utilizationPercent: null }));
    if (found.kind === "failed" && !complained) log.warn(`nvidia-smi fails now: ${found.message}`);
    complained = found.kind === "failed";
  }
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => (looking = false));
  }, everyMs);
  timer.unref();
  return { current: () => current, close: () => clearInterval(timer) };
}

/** Pure. The devices that the slots use, in the order of their first slot; one that `nvidia-smi` lost is told without figures. */
export function gpuStatus(slots: readonly Slot[], gpus: readonly Gpu[]): DeviceStatus[] {
  const used = new Map<string, number>();
  for (const { device } of slots) if (device.kind === "gpu") used.set(device.uuid, (used.get(device.uuid) ?? 0) + 1);
  return [...used].map(([uuid, count]) => {
    const gpu = gpus.find((each) => each.uuid === uuid);
    return {
      kind: "gpu",
      id: uuid,
      name: gpu?.name ?? "not listed by nvidia-smi",
      slots: count,
      memoryTotalMiB: gpu?.memoryTotalMiB ?? null,
      memoryUsedMiB: gpu?.memoryUsedMiB ?? null,
      utilizationPercent: gpu?.utilizationPercent ?? null,
    };
  });
}

function cpuStatus(slots: number, utilizationPercent: number | null): DeviceStatus {
  return {
    kind: "cpu",
    id: "cpu",
    name: cpus()[0]?.model.trim() ?? "CPU",
    slots,
    memoryTotalMiB: Math.round(totalmem() / MIB),
    memoryUsedMiB: Math.round((totalmem() - freemem()) / MIB),
    utilizationPercent,
  };
}

/** Of all cores since the machine was started. */
function cpuTimes(): CpuTimes {
  const all = cpus().map(({ times }) => times);
  const idleMs = all.reduce((total, { idle }) => total + idle, 0);
  const allMs = all.reduce((total, { user, nice, sys, irq, idle }) => total + user + nice + sys + irq + idle, 0);
  return { busyMs: allMs - idleMs, allMs };
}

/** Pure. null when no time has passed. */
export function busyPercent(before: CpuTimes, after: CpuTimes): number | null {
  const all = after.allMs - before.allMs;
  return all <= 0 ? null : Math.round(Math.min(100, Math.max(0, (100 * (after.busyMs - before.busyMs)) / all)));
}
