// Finds at its start what a worker may compute on, and divides it into slots. Whatever keeps a GPU from being used is said.
import type { Slot } from "@saphena/contracts";
import type { Logger } from "pino";
import { usableCores } from "./cpu-cores.ts";
import { probeDevices } from "./device-probe.ts";
import type { DeviceProbe } from "./device-probe.ts";
import type { Gpu } from "./nvidia-smi.ts";
import { slotPlan } from "./slot-plan.ts";
import { visibleDevices } from "./visible-devices.ts";

export interface DeviceWishes {
  slots: number | null;
  slotsPerDevice: number | null;
  slotOffset: number;
  /** CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER as the user has set them. */
  visible: string | undefined;
  order: string | undefined;
  /** False when the engine that is set up computes on the CPU only. */
  engineUsesGpus: boolean;
}

export interface WorkerDevices {
  slots: Slot[];
  /** Those that slots are on. */
  gpus: Gpu[];
}

export async function findDevices(wishes: DeviceWishes, log: Logger): Promise<WorkerDevices> {
  const { gpus, warnings } = usableGpus(await probeDevices(), wishes);
  for (const warning of warnings) log.warn(warning);
  const { slots, slotsPerDevice, slotOffset: offset } = wishes;
  return { slots: slotPlan(gpus, { slots, slotsPerDevice, offset, cores: usableCores() }), gpus };
}

/** Pure. The GPUs to train on, and what their owner should know. */
export function usableGpus(
  probe: DeviceProbe,
  { visible, order, engineUsesGpus }: Pick<DeviceWishes, "visible" | "order" | "engineUsesGpus">,
): { gpus: Gpu[]; warnings: string[] } {
  if (probe.kind === "absent") return { gpus: [], warnings: [] };
  if (probe.kind === "failed")
    return { gpus: [], warnings: [`training on the CPU: nvidia-smi is installed but fails, so no GPU can be used (${probe.message})`] };
  const { devices: gpus, ambiguous } = visibleDevices(probe.gpus, { visible, order });
  const cards = probe.gpus.map(({ name }) => name).join(", ");
  // An empty variable is how one asks for the CPU.
  const none = gpus.length === 0 && probe.gpus.length > 0 && visible !== undefined && visible.trim() !== "" && visible.trim() !== "-1";
  if (none) return { gpus, warnings: [`training on the CPU: CUDA_VISIBLE_DEVICES=${visible} names none of ${cards}`] };
  if (gpus.length > 0 && !engineUsesGpus)
    return { gpus: [], warnings: [`training on the CPU: the engine that is set up does not use ${cards}; run \`npm run setup -- --gpu\``] };
  const warnings = ambiguous
    ? ["CUDA_VISIBLE_DEVICES counts unequal cards here as nvidia-smi does; name them by UUID, or set CUDA_DEVICE_ORDER=PCI_BUS_ID"]
    : [];
  return { gpus, warnings };
}
