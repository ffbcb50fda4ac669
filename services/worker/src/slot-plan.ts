// Decides which slots a worker has: one a CPU core, or some on each GPU. Pure.
import type { Slot } from "@saphena/contracts";
import type { Gpu } from "./nvidia-smi.ts";

export interface SlotWishes {
  /** Slots altogether; null = as many as the devices carry. */
  slots: number | null;
  /** On each GPU; null = 1, or more where `slots` asks for more than there are GPUs. */
  slotsPerDevice: number | null;
  /** Slots that other workers of this machine have before these: where to begin in the round of GPUs. */
  offset: number;
  /** CPU cores this process may use. */
  cores: number;
}

/**
 * Without GPUs: `slots` CPU slots, by default one a core, because one thread a run and one run a core is the best throughput of a
 * machine (measured: 1.4 times that of one run on all cores).
 *
 * With GPUs: every slot is on one, dealt out in turn so that cards fill evenly. A CPU slot beside them would only slow their input down.
 */
export function slotPlan(devices: readonly Gpu[], { slots, slotsPerDevice, offset, cores }: SlotWishes): Slot[] {
  if (devices.length === 0) return Array.from({ length: slots ?? cores }, (_, at) => ({ name: `cpu-${at}`, device: { kind: "cpu" } }));
  const carried = devices.length * (slotsPerDevice ?? 1);
  const count = slots === null ? carried : slotsPerDevice === null ? slots : Math.min(slots, carried);
  return Array.from({ length: count }, (_, at): Slot => {
    const turn = offset + at;
    const device = devices[turn % devices.length] as Gpu;
    return { name: `gpu-${devices.indexOf(device)}-${Math.floor(turn / devices.length)}`, device: { kind: "gpu", uuid: device.uuid } };
  });
}
