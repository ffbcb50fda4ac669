// Looks for GPUs with `nvidia-smi`. A machine without that program has none; one where it fails gets a warning, because its owner
// expects to train on a GPU.
import { execFile } from "node:child_process";
import { GPU_LIST, GPU_QUERY, NO_DEVICES, parseGpuQuery, parseMigInstances, withMigInstances } from "./nvidia-smi.ts";
import type { Gpu } from "./nvidia-smi.ts";

export type DeviceProbe = { kind: "found"; gpus: Gpu[] } | { kind: "absent" } | { kind: "failed"; message: string };

const PROGRAM = "nvidia-smi";
/** The driver may take seconds to wake a card up; a hung one would take for ever. */
const LIMIT_MS = 10_000;

/** Runs one program to its end; the tests' own stand in for `nvidia-smi`. */
export type RunProgram = (args: readonly string[]) => Promise<string>;

/** Never throws. */
export async function probeDevices(run: RunProgram = runNvidiaSmi): Promise<DeviceProbe> {
  try {
    const cards = parseGpuQuery(await run(GPU_QUERY));
    // Asked only where there is something to list, and it may fail where the query does not: old drivers know no MIG.
    const instances = cards.length === 0 ? "" : await run(GPU_LIST).catch(() => "");
    return { kind: "found", gpus: withMigInstances(cards, parseMigInstances(instances)) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? { kind: "absent" } : { kind: "failed", message };
  }
}

function runNvidiaSmi(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(PROGRAM, args, { timeout: LIMIT_MS, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      if (error === null || stdout.startsWith(NO_DEVICES)) return resolve(stdout);
      if (error.code === "ENOENT") return reject(error);
      // Its complaints go to either stream.
      const said = `${stdout}\n${stderr}`.trim().split("\n", 1)[0];
      const how = error.killed ? `no answer within ${LIMIT_MS / 1000} s` : `exit code ${String(error.code ?? error.signal)}`;
      reject(new Error(said === undefined || said === "" ? how : `${how}: ${said}`));
    });
  });
}
