// Packing: every image of a dataset decoded once to the input size of a network, into a folder that trainers open.
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { SaphenaError } from "@saphena/contracts";
import type { DatasetRecord, ImageFile, ManifestRow } from "@saphena/contracts";
import { sha256 } from "../canonical-json.ts";
import { maskClassCount, sortedById } from "../manifest.ts";
import type { Fitting } from "./geometry.ts";
import { decodeImage } from "./image.ts";
import { decodeMask } from "./mask.ts";
import { PACK_VERSION, openHashed, packFolderName } from "./pack-file.ts";
import type { FileFingerprint, PackHeader } from "./pack-file.ts";
import { makeParts, partsFolder, readParts } from "./pack-parts.ts";
import type { PackParts, PackedRow } from "./pack-parts.ts";
import { verifyPack } from "./pack-reader.ts";

export interface PackOptions extends Fitting {
  readonly rows: readonly ManifestRow[];
  readonly dataset: Pick<DatasetRecord, "hash" | "labels" | "maskClasses">;
  /** The content of an object of the dataset; checked here against its hash. */
  readonly readObject: (sha256: string) => Promise<Uint8Array>;
  /** Where packs are kept; this one becomes `<folder>/<datasetHash>-<inputSize>-<resize>`. */
  readonly folder: string;
  /** Images in hand at once; default 4. */
  readonly concurrency?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface PackedDataset {
  /** What `openPack` opens. */
  readonly folder: string;
  /** Ids whose mask had foreground that nearest-neighbour resizing lost; worth a warning to the user. */
  readonly emptiedMasks: readonly string[];
  /** False when a sound pack was there already. */
  readonly built: boolean;
}

/**
 * Makes the pack unless a sound one is there. Safe with any number of processes at once and after a crash: they share the decoding
 * (pack-parts.ts), each puts the parts together in a folder of its own, which one rename makes the pack; the first wins.
 * Throws IMAGE_INVALID or MASK_INVALID naming the id, or what `readObject` throws.
 */
export async function packDataset(options: PackOptions): Promise<PackedDataset> {
  const name = packFolderName({ datasetHash: options.dataset.hash, inputSize: options.inputSize, resize: options.resize });
  const final = join(options.folder, name);
  const found = await verifyPack(final);
  if (found !== null) return { folder: final, emptiedMasks: found.emptiedMasks, built: false };

  await mkdir(options.folder, { recursive: true });
  await removeAbandoned(options.folder);
  const partsAt = partsFolder(options.folder, name);
  const building = await mkdtemp(join(options.folder, `${BUILDING}${hostname()}~${process.pid}~`));
  try {
    const header = await build(options, { building, partsAt, final });
    if (header !== null) return { folder: final, emptiedMasks: header.emptiedMasks, built: await publish(building, final) };
  } finally {
    for (const path of [building, partsAt]) await rm(path, { recursive: true, force: true, maxRetries: 5 }); // somebody may still write there
  }
  return packDataset(options); // another process was faster
}

const BUILDING = ".building~";

/** What a killed process of this machine left. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, host, pid] = name.startsWith(BUILDING) ? name.split("~") : [];
    if (host === hostname() && !isAlive(Number(pid))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** One rename; true when our pack is the one that counts. A damaged pack in its place is taken away first. */
async function publish(building: string, final: string): Promise<boolean> {
  for (;;) {
    try {
      await rename(building, final);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
    }
    if ((await verifyPack(final)) !== null) return false;
    await rename(final, join(building, "damaged")).catch(() => undefined); // another process may have done it; the loop tells
    await rm(join(building, "damaged"), { recursive: true, force: true });
  }
}

/** Fills the folder `building`; null when meanwhile another process has made the pack. */
async function build(
  options: PackOptions,
  { building, partsAt, final }: { building: string; partsAt: string; final: string },
): Promise<PackHeader | null> {
  const rows = sortedById(options.rows);
  const hasMasks = rows.some((row) => row.mask !== null);
  const parts: PackParts = {
    folder: partsAt,
    rows: rows.length,
    pixels: options.inputSize ** 2,
    concurrency: options.concurrency ?? 4,
    decodeRow: (row) => naming(rows[row]!, () => decodeRow(rows[row]!, options)),
    isMade: async () => (await verifyPack(final)) !== null,
    onProgress: options.onProgress,
  };
  await makeParts(parts);
  const pixels = await putTogether(parts, building, hasMasks);
  if (pixels === null) return null;
  const { emptied, images, masks } = pixels;
  const { hash, labels, maskClasses } = options.dataset;
  const header: PackHeader = {
    packVersion: PACK_VERSION,
    datasetHash: hash,
    inputSize: options.inputSize,
    resize: options.resize,
    labelNames: labels,
    maskClasses: maskClassCount({ masks: hasMasks ? 1 : 0, maskClasses }),
    emptiedMasks: rows.filter((_, i) => emptied[i]).map((row) => row.id),
    ids: rows.map((row) => row.id),
    groups: rows.map((row) => row.group),
    sources: rows.map((row) => row.source),
    labels: rows.map((row) => labelIndex(row, labels)),
    weights: rows.map((row) => row.weight),
    hasMask: rows.map((row) => (row.mask === null ? 0 : 1)),
    images,
    masks,
  };
  await writeFile(join(building, "pack.json"), JSON.stringify(header), { flush: true });
  return header;
}

interface Pixels {
  readonly images: FileFingerprint;
  readonly masks: FileFingerprint | null;
  readonly emptied: readonly boolean[];
}

/** Writes the files of the pack from its parts; they are on the disk afterwards. null as `build`. */
async function putTogether(parts: PackParts, folder: string, hasMasks: boolean): Promise<Pixels | null> {
  const images = await openHashed(join(folder, "images.bin"));
  const masks = hasMasks ? await openHashed(join(folder, "masks.bin")) : null;
  const emptied: boolean[] = [];
  try {
    for await (const part of readParts(parts)) {
      if (part === null) return null;
      await images.append(part.images);
      await masks?.append(part.masks);
      emptied.push(...part.emptied);
    }
    return { images: await images.sync(), masks: (await masks?.sync()) ?? null, emptied };
  } finally {
    await images.close();
    await masks?.close();
  }
}

async function decodeRow(row: ManifestRow, options: PackOptions): Promise<PackedRow> {
  const image = await decodeImage(await readChecked(row.image, options), options);
  if (row.mask === null) return { image, mask: null, emptied: false };
  const mask = await decodeMask(await readChecked(row.mask, options), { ...options, maskClasses: options.dataset.maskClasses });
  return { image, mask: mask.classes, emptied: mask.emptied };
}

async function readChecked(file: ImageFile, { readObject }: PackOptions): Promise<Uint8Array> {
  const bytes = await readObject(file.sha256);
  if (sha256(bytes) !== file.sha256) throw new SaphenaError("OBJECT_CORRUPT", file.sha256);
  return bytes;
}

/** Puts the id of the row in front of what went wrong with it. */
async function naming<T>(row: ManifestRow, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SaphenaError)) throw error;
    throw new SaphenaError(error.code, `id ${row.id}: ${error.message}`, { cause: error, hint: error.hint });
  }
}

function labelIndex(row: ManifestRow, labels: readonly string[]): number {
  if (row.label === null) return -1;
  const index = labels.indexOf(row.label);
  if (index < 0)
    throw new SaphenaError("MANIFEST_INVALID", `id ${row.id}: the label ${JSON.stringify(row.label)} is not one of the dataset's`);
  return index;
}
