// How many workers of one slot `saphena up` starts when nobody says: by the GPUs it may use, else by the CPUs.
import { availableParallelism } from "node:os";
import { askNvidiaDriver, locateTensorflow } from "@saphena/setup";
import { cliEnvironment } from "../environment.ts";

const MOST_ON_CPUS = 4;

export interface MachineFacts {
  cores: number;
  /** That `nvidia-smi` lists; 0 where the engine that is set up computes on the CPU. */
  gpus: number;
  /** CUDA_VISIBLE_DEVICES; null = not set. */
  visibleDevices: string | null;
  /** Runs at once on each GPU. */
  slotsPerDevice: number;
}

/**
 * Pure. On CPUs one trains on one thread by default, and half of the machine stays free for its user. The entries of
 * CUDA_VISIBLE_DEVICES are counted, not looked up: the workers do that, and share what there is.
 */
export function defaultWorkers({ cores, gpus, visibleDevices, slotsPerDevice }: MachineFacts): number {
  const entries = visibleDevices?.split(",").filter((entry) => entry.trim() !== "" && entry.trim() !== "-1");
  const usable = Math.min(gpus, entries?.length ?? gpus);
  return usable > 0 ? usable * slotsPerDevice : Math.min(MOST_ON_CPUS, Math.max(1, Math.floor(cores / 2)));
}

/** Asks the driver only where the engine for GPUs is set up: up to 2 s there, no time elsewhere. */
export async function machineFacts(slotsPerDevice: number): Promise<MachineFacts> {
  const engine = locateTensorflow();
  const driver = "missing" in engine || engine.variant !== "cuda" ? null : await askNvidiaDriver();
  const gpus = driver?.kind === "answers" ? driver.gpus.length : 0;
  return { cores: availableParallelism(), gpus, visibleDevices: cliEnvironment().visibleDevices, slotsPerDevice };
}
