// How many CPU cores this process may use: what it is bound to, and no more than its control group grants it.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** 1 or more. Node counts the cores a process is bound to, but not yet a container's share of them. */
export function usableCores(): number {
  return Math.min(availableParallelism(), grantedCores(readQuota()) ?? Infinity);
}

/** Whole cores in a cgroup's `cpu.max`, such as 2 in `200000 100000`; null when it limits nothing or is not there. */
export function grantedCores(quota: string | null): number | null {
  const [, quotaUs, periodUs] = /^(\d+) (\d+)$/.exec(quota?.trim() ?? "") ?? [];
  return quotaUs === undefined ? null : Math.max(1, Math.floor(Number(quotaUs) / Number(periodUs)));
}

function readQuota(): string | null {
  try {
    return readFileSync("/sys/fs/cgroup/cpu.max", "utf8");
  } catch {
    return null; // not Linux, or the older kind of control groups
  }
}
