// Which process a number means: numbers are used again, so a record of a process carries its start time and the machine's boot.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export interface ProcessRecord {
  pid: number;
  /** When it started, in whatever form the system tells; null where it does not. */
  started: string | null;
}

export function recordOf(pid: number): ProcessRecord {
  return { pid, started: startOf(pid) };
}

/** Field 22 of /proc/<pid>/stat (clock ticks since boot, after the command's closing bracket); `ps` where there is no /proc. */
function startOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    if (process.platform === "linux") return null;
  }
  try {
    return (
      execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim() || null
    );
  } catch {
    return null;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Does this very process still run? */
export function isSameProcess(record: ProcessRecord): boolean {
  return isAlive(record.pid) && startOf(record.pid) === record.started;
}

/** Differs after every start of the machine; empty where the system does not tell. */
export function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** Sends a signal to a whole process group; false when there is none. */
export function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Ends the group that `leader` led on this boot: SIGTERM to all, SIGKILL after the grace. A group keeps its number as long as a member
 * lives, so a living process of that number with another start time means that the group is gone.
 */
export async function endGroup(leader: ProcessRecord, graceMs: number): Promise<boolean> {
  const isOurs = (): boolean => (isAlive(leader.pid) ? isSameProcess(leader) : signalGroup(leader.pid, 0));
  if (!isOurs()) return false;
  signalGroup(leader.pid, "SIGTERM");
  const giveUpAtMs = Date.now() + graceMs;
  while (Date.now() < giveUpAtMs) {
    if (!signalGroup(leader.pid, 0)) return true;
    await delay(50);
  }
  signalGroup(leader.pid, "SIGKILL");
  while (signalGroup(leader.pid, 0) && Date.now() < giveUpAtMs + 5_000) await delay(20);
  return true;
}
