// Reads what `nvidia-smi` prints. Pure: the program is run in device-probe.ts.

/** Asks for one line a card: index, UUID, name, memory in MiB, per cent of time in use. */
export const GPU_QUERY: readonly string[] = [
  "--query-gpu=index,uuid,name,memory.total,memory.used,utilization.gpu",
  "--format=csv,noheader,nounits",
];
/** Lists cards with the MIG instances they are divided into, which the query does not tell of. */
export const GPU_LIST: readonly string[] = ["-L"];

/** Said in place of a list, with an exit code of its own. */
export const NO_DEVICES = "No devices were found";

/** A card, or a MIG instance of one: what a trainer can be given. */
export interface Gpu {
  /** The card's, as `nvidia-smi` counts; instances of one card share it. */
  index: number;
  /** What CUDA_VISIBLE_DEVICES takes. */
  uuid: string;
  name: string;
  /** null where the driver does not tell, as for a MIG instance. */
  memoryTotalMiB: number | null;
  memoryUsedMiB: number | null;
  utilizationPercent: number | null;
}

/**
 * The cards, in the order they are printed.
 * @throws Error with the line that is not understood; `[N/A]` and its like are understood
 */
export function parseGpuQuery(text: string): Gpu[] {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith(NO_DEVICES)).map(parseCard);
}

function parseCard(line: string): Gpu {
  const fields = line.split(",").map((field) => field.trim());
  // A name may hold commas; what surrounds it may not.
  const [index, uuid, ...rest] = fields;
  const [total, used, utilization] = rest.splice(-3);
  if (utilization === undefined || rest.length === 0 || !/^\d+$/.test(index ?? "") || uuid?.startsWith("GPU-") !== true)
    throw new Error(`nvidia-smi said: ${line}`);
  return {
    index: Number(index),
    uuid,
    name: rest.join(", "),
    memoryTotalMiB: figure(total),
    memoryUsedMiB: figure(used),
    utilizationPercent: figure(utilization),
  };
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `ERR!`: no figure. */
function figure(text: string | undefined): number | null {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

/** The MIG instances of each card by the card's UUID, in order; cards that are not divided are left out. */
export function parseMigInstances(text: string): Map<string, { uuid: string; profile: string }[]> {
  const instances = new Map<string, { uuid: string; profile: string }[]>();
  let card = "";
  for (const line of text.split("\n")) {
    card = /^GPU \d+: .*\(UUID: (GPU-[^)]+)\)/.exec(line)?.[1] ?? card;
    const [, profile, uuid] = /^\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)/.exec(line) ?? [];
    if (profile === undefined || uuid === undefined) continue;
    instances.set(card, [...(instances.get(card) ?? []), { uuid, profile }]);
  }
  return instances;
}

/** Every card, those that are divided replaced by their instances: a divided card itself cannot be computed on. */
export function withMigInstances(cards: readonly Gpu[], instances: ReturnType<typeof parseMigInstances>): Gpu[] {
  const unknown = { memoryTotalMiB: null, memoryUsedMiB: null, utilizationPercent: null };
  return cards.flatMap(
    (card) =>
      instances
        .get(card.uuid)
        ?.map(({ uuid, profile }) => ({ index: card.index, uuid, name: `${card.name} MIG ${profile}`, ...unknown })) ?? [card],
  );
}
