// What CUDA_VISIBLE_DEVICES leaves of a machine's GPUs, by CUDA's own rules. Pure.
import type { Gpu } from "./nvidia-smi.ts";

/**
 * The devices that the variable names, in its order; all of them where it is unset. Entries are indices or (beginnings of) UUIDs. As
 * in CUDA, the first entry that names no device ends the list (so `-1` and the empty text name none), and so does one that comes twice.
 *
 * An index counts cards as `nvidia-smi` does, by PCI bus; CUDA counts the fastest first unless CUDA_DEVICE_ORDER says PCI_BUS_ID, so with
 * unequal cards `ambiguous` asks for UUIDs.
 */
export function visibleDevices(
  devices: readonly Gpu[],
  { visible, order }: { visible: string | undefined; order: string | undefined },
): { devices: Gpu[]; ambiguous: boolean } {
  if (visible === undefined) return { devices: [...devices], ambiguous: false };
  const entries = visible.split(",").map((entry) => entry.trim());
  const chosen: Gpu[] = [];
  for (const entry of entries) {
    const device = named(devices, entry);
    if (device === undefined || chosen.includes(device)) break;
    chosen.push(device);
  }
  const unequal = new Set(devices.map(({ name }) => name)).size > 1;
  const byIndex = entries.slice(0, chosen.length).some((entry) => /^\d+$/.test(entry));
  return { devices: chosen, ambiguous: unequal && byIndex && order !== "PCI_BUS_ID" };
}

function named(devices: readonly Gpu[], entry: string): Gpu | undefined {
  if (/^\d+$/.test(entry)) return devices.find(({ index }) => index === Number(entry));
  if (!/^(GPU|MIG)-./.test(entry)) return undefined;
  const matches = devices.filter(({ uuid }) => uuid.toLowerCase().startsWith(entry.toLowerCase()));
  return matches.length === 1 ? matches[0] : undefined;
}
