// A dataset small enough to import, split and train on within a test: drawn discs on noise, from a seed.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface TinyDatasetOptions {
  /** Default 12. */
  images?: number;
  /** Images share a group round robin; default half as many as images. */
  groups?: number;
  /** Width and height in pixels; default 32. */
  size?: number;
  /** False: no mask column. Default true. */
  masks?: boolean;
  /** In severity order, given round robin over groups' rounds; [] = no label column. Default ["mild", "severe"]. */
  labels?: readonly string[];
  /** Default 1. Equal options give equal bytes. */
  seed?: number;
}

export interface TinyDataset {
  folder: string;
  /** `manifest.csv` in the folder: id,image and mask, label, group as asked for. */
  manifest: string;
  rows: { id: string; image: string; mask: string | null; label: string | null; group: string }[];
}

/** Writes PNG images (and masks of 0 and 255) and a manifest. The disc's brightness grows with the label, so that a network can learn it. */
export async function makeTinyDataset(folder: string, options: TinyDatasetOptions = {}): Promise<TinyDataset> {
  const { images = 12, size = 32, masks = true, labels = ["mild", "severe"], seed = 1 } = options;
  const groups = options.groups ?? Math.ceil(images / 2);
  await Promise.all(["images", "masks"].map((name) => mkdir(join(folder, name), { recursive: true })));
  const rows = Array.from({ length: images }, (_, index) => {
    const id = `img-${String(index).padStart(4, "0")}`;
    const label = labels.length === 0 ? null : labels[Math.floor(index / groups + (index % groups)) % labels.length]!;
    return { id, image: `images/${id}.png`, mask: masks ? `masks/${id}.png` : null, label, group: `g-${index % groups}` };
  });
  for (const [index, row] of rows.entries()) {
    const grade = row.label === null ? 0.5 : (labels.indexOf(row.label) + 1) / labels.length;
    const { image, mask } = draw(size, grade, noise(seed * 1_000_003 + index));
    await writePng(join(folder, row.image), image, size, 3);
    if (row.mask !== null) await writePng(join(folder, row.mask), mask, size, 1);
  }
  const columns = ["id", "image", ...(masks ? ["mask"] : []), ...(labels.length > 0 ? ["label"] : []), "group"] as const;
  const lines = rows.map((row) => columns.map((column) => row[column as keyof typeof row]).join(","));
  const manifest = join(folder, "manifest.csv");
  await writeFile(manifest, `${[columns.join(","), ...lines].join("\n")}\n`);
  return { folder, manifest, rows };
}

/** RGB bytes [size, size, 3] and mask bytes [size, size]. */
function draw(size: number, grade: number, random: () => number): { image: Uint8Array; mask: Uint8Array } {
  const image = new Uint8Array(size * size * 3);
  const mask = new Uint8Array(size * size);
  const radius = size * (0.15 + 0.15 * random());
  const [centreX, centreY] = [0, 1].map(() => radius + random() * (size - 2 * radius)) as [number, number];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const inside = (x + 0.5 - centreX) ** 2 + (y + 0.5 - centreY) ** 2 < radius ** 2;
      const at = y * size + x;
      mask[at] = inside ? 255 : 0;
      for (let channel = 0; channel < 3; channel++) image[at * 3 + channel] = (inside ? 90 + 130 * grade : 40) + 30 * random();
    }
  }
  return { image, mask };
}

async function writePng(path: string, bytes: Uint8Array, size: number, channels: 1 | 3): Promise<void> {
  const { default: sharp } = await import("sharp"); // loaded late: most users of the kit draw nothing
  await sharp(bytes, { raw: { width: size, height: size, channels } })
    .png()
    .toFile(path);
}

/** mulberry32: uniform in [0, 1), good enough to draw with. */
function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
