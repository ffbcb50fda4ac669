// Gathers what device-findings.ts decides upon: the machine, the driver's answer, and what the engine says in a process of its own.
import { availableParallelism, totalmem } from "node:os";
import { CUDA_DRIVER_FLOOR, askNvidiaDriver, hasCudaVariant, locateTensorflow, probeTensorflow, unloadableLibraries } from "@saphena/setup";
import { cliEnvironment } from "../environment.ts";
import { formatBytes } from "../number-format.ts";
import type { DeviceFacts } from "./device-findings.ts";

/** Loads TensorFlow in a child where the engine is the one for GPUs: about 2 s. */
export async function gatherDeviceFacts(): Promise<DeviceFacts> {
  const tensorflow = locateTensorflow();
  const engine = "missing" in tensorflow ? null : tensorflow.variant;
  const forGpus = engine === "cuda";
  const [driver, probe, refused] = await Promise.all([
    askNvidiaDriver(),
    forGpus ? probeTensorflow() : null,
    forGpus ? unloadableLibraries() : [],
  ]);
  return {
    machine: `${availableParallelism()} CPUs, ${formatBytes(totalmem())} memory`,
    engine,
    cudaOffered: hasCudaVariant(),
    driver,
    driverFloor: CUDA_DRIVER_FLOOR,
    visibleDevices: cliEnvironment().visibleDevices,
    probe,
    refused,
  };
}
