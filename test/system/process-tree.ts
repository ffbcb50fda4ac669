// Looks at processes through /proc: which children a process has, what they run.
import { readFileSync } from "node:fs";

export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return []; // the process has ended
  }
}

export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/** The trainer children of a worker, oldest first: the one that trains before the spare that waits for the next run. */
export function trainersOf(workerPid: number): number[] {
  return childrenOf(workerPid).filter((pid) => commandLine(pid).includes("trainer.js"));
}
