import { mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SaphenaError } from "@saphena/contracts";
import type { ImageFile, ManifestRow } from "@saphena/contracts";
import { sha256 } from "../canonical-json.ts";
import { decodeImage } from "./image.ts";
import { openPack } from "./pack-reader.ts";
import { packFolderName } from "./pack-file.ts";
import { makeParts, partsFolder } from "./pack-parts.ts";
import { packDataset } from "./pack-writer.ts";
import type { PackOptions } from "./pack-writer.ts";

let folder: string;
const objects = new Map<string, Uint8Array>();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "saphena-pack-"));
  objects.clear();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function stored(width: number, height: number, pixel: (i: number) => number, channels: 1 | 3 = 3): Promise<ImageFile> {
  const pixels = Uint8Array.from({ length: width * height * channels }, (_, i) => pixel(Math.floor(i / channels)));
  const bytes = await sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
  objects.set(sha256(bytes), bytes);
  return { sha256: sha256(bytes), sizeBytes: bytes.length, width, height, format: "png" };
}

/** Six rows in reverse order of their ids; the third has no mask, the fourth no label. */
async function rows(): Promise<ManifestRow[]> {
  return Promise.all(
    [5, 4, 3, 2, 1, 0].map(async (n): Promise<ManifestRow> => ({
      id: `i${n}`,
      image: await stored(10 + n, 12, (i) => (i * (n + 3)) & 255),
      mask: n === 2 ? null : await stored(10 + n, 12, (i) => (i % (10 + n) < 5 ? 255 : 0), 1),
      label: n === 3 ? null : n % 2 === 0 ? "mild" : "severe",
      group: `g${n >> 1}`,
      source: n === 0 ? "clinic" : null,
      weight: 1 + n,
    })),
  );
}

const options = async (changes: Partial<PackOptions> = {}): Promise<PackOptions> => ({
  rows: await rows(),
  dataset: { hash: sha256("dataset"), labels: ["mild", "severe"], maskClasses: null },
  readObject: async (hash) => objects.get(hash)!,
  inputSize: 8,
  resize: "stretch",
  folder,
  ...changes,
});

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const known = SaphenaError.from(error);
    return `${known.code} ${known.message}`;
  }
  return "none";
}

describe("a pack", () => {
  it("holds every image, mask, label and weight in the order of the ids", async () => {
    const progress: number[] = [];
    const packed = await packDataset(await options({ onProgress: (done) => progress.push(done) }));
    expect(packed).toEqual({ folder: join(folder, `${sha256("dataset")}-8-stretch`), emptiedMasks: [], built: true });
    expect(progress).toEqual([1, 2, 3, 4, 5, 6]);
    const pack = await openPack(packed.folder);
    expect(pack.ids).toEqual(["i0", "i1", "i2", "i3", "i4", "i5"]);
    expect([...pack.labels]).toEqual([0, 1, 0, -1, 0, 1]);
    expect([...pack.hasMask]).toEqual([1, 1, 0, 1, 1, 1]);
    expect([...pack.weights]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(pack).toMatchObject({
      inputSize: 8,
      maskClasses: 2,
      labelNames: ["mild", "severe"],
      groups: ["g0", "g0", "g1", "g1", "g2", "g2"],
    });
    expect(pack.sources).toEqual(["clinic", null, null, null, null, null]);
    const third = objects.get((await rows()).find(({ id }) => id === "i4")!.image.sha256)!;
    expect([...pack.images.subarray(4 * 192, 5 * 192)]).toEqual([...(await decodeImage(third, { inputSize: 8, resize: "stretch" }))]);
    expect(pack.masks.subarray(2 * 64, 3 * 64).every((value) => value === 0)).toBe(true);
    expect([...pack.masks.subarray(0, 8)]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    expect([...pack.indicesOf(["i5", "i0"])]).toEqual([5, 0]);
    expect(() => pack.indexOf("i9")).toThrow("the packed dataset has no image i9");
  });

  it("of a dataset without masks or labels has none", async () => {
    const bare = (await rows()).map((row) => ({ ...row, mask: null, label: null }));
    const { folder: at } = await packDataset(
      await options({ rows: bare, dataset: { hash: sha256("bare"), labels: [], maskClasses: null } }),
    );
    const pack = await openPack(at);
    expect(pack).toMatchObject({ maskClasses: 0, labelNames: [] });
    expect(pack.masks).toHaveLength(0);
    expect([...pack.labels]).toEqual([-1, -1, -1, -1, -1, -1]);
    expect(await readdir(at)).toEqual(["images.bin", "pack.json"]);
  });

  it("is built once, and the same by two at once", async () => {
    const settled = await Promise.all([packDataset(await options()), packDataset(await options()), packDataset(await options())]);
    expect(settled.filter(({ built }) => built)).toHaveLength(1);
    expect(await readdir(folder)).toEqual([`${sha256("dataset")}-8-stretch`]);
    expect((await packDataset(await options())).built).toBe(false);
    expect((await packDataset(await options({ resize: "fit" }))).built).toBe(true);
    expect((await packDataset(await options({ inputSize: 16 }))).built).toBe(true);
  });

  it("that is damaged is refused, and built anew", async () => {
    const { folder: at } = await packDataset(await options());
    const whole = await readFile(join(at, "images.bin"));
    const damages: (() => Promise<void>)[] = [
      () => writeFile(join(at, "images.bin"), Buffer.from(whole).fill(7, 100, 101)),
      () => truncate(join(at, "masks.bin"), 10),
      () => rm(join(at, "masks.bin")),
      () => writeFile(join(at, "pack.json"), "{"),
      () => rm(join(at, "pack.json")),
    ];
    for (const damage of damages) {
      await damage();
      expect(await failure(openPack(at))).toMatch(/^OBJECT_(CORRUPT|NOT_FOUND) /);
      expect((await packDataset(await options())).built).toBe(true);
      expect(await readFile(join((await packDataset(await options())).folder, "images.bin"))).toEqual(whole);
    }
    expect(await readdir(folder)).toEqual([`${sha256("dataset")}-8-stretch`]);
  });

  it("is not made from a bad image, a bad mask or the wrong bytes: the error names the id and nothing is left", async () => {
    const good = await rows();
    const broken = (part: "image" | "mask", content: Uint8Array): Partial<PackOptions> => {
      const file = good.find(({ id }) => id === "i4")![part]!;
      objects.set(sha256(content), content);
      return { rows: good.map((row) => (row.id === "i4" ? { ...row, [part]: { ...file, sha256: sha256(content) } } : row)) };
    };
    const cut = objects.get(good[0]!.image.sha256)!.subarray(0, 60);
    expect(await failure(packDataset(await options(broken("image", cut))))).toMatch(
      /^IMAGE_INVALID the image cannot be used: id i4: .*ends too early/,
    );
    expect(await failure(packDataset(await options(broken("mask", cut))))).toMatch(
      /^MASK_INVALID the mask cannot be used: id i4: .*ends too early/,
    );
    const lying = await options({ readObject: async () => Buffer.from("something else") });
    expect(await failure(packDataset(lying))).toMatch(/^OBJECT_CORRUPT .*id i0/);
    expect(await readdir(folder)).toEqual([]);
  });

  it("counts the masks that resizing emptied", async () => {
    const dot = await stored(64, 64, (i) => (i === 64 * 3 + 3 ? 255 : 0), 1);
    const image = await stored(64, 64, (i) => i & 255);
    const changed = (await rows()).map((row) => (row.id === "i1" ? { ...row, image, mask: dot } : row));
    const { folder: at, emptiedMasks } = await packDataset(await options({ rows: changed }));
    expect(emptiedMasks).toEqual(["i1"]);
    expect((await openPack(at)).emptiedMasks).toEqual(["i1"]);
    expect((await packDataset(await options({ rows: changed }))).emptiedMasks).toEqual(["i1"]);
  });

  it("takes away what a dead process of this machine left, and nothing else", async () => {
    const dead = `.building~${hostname()}~999999999~abc`;
    const others = [`.building~elsewhere~1~abc`, `.building~${hostname()}~${process.pid}~abc`];
    for (const name of [dead, ...others]) await mkdir(join(folder, name));
    await packDataset(await options());
    expect((await readdir(folder)).sort()).toEqual([...others, `${sha256("dataset")}-8-stretch`].sort());
  });
});

describe("a pack that several processes want at once", () => {
  const COUNT = 640; // twenty parts
  /** Many rows of one image, and how many objects were asked for. */
  async function many(changes: Partial<PackOptions> = {}): Promise<{ options: PackOptions; reads: () => number }> {
    const image = await stored(8, 8, (i) => i & 255);
    const row = (n: number): ManifestRow => ({ id: `i${n + 1000}`, image, mask: null, label: null, group: "g", source: null, weight: 1 });
    let reads = 0;
    const readObject = async (hash: string): Promise<Uint8Array> => {
      reads++;
      return objects.get(hash)!;
    };
    const asked = await options({ rows: Array.from({ length: COUNT }, (_, n) => row(n)), readObject, ...changes });
    return { options: asked, reads: () => reads };
  }
  const partsOf = ({ dataset, inputSize, resize }: PackOptions): string =>
    partsFolder(folder, packFolderName({ datasetHash: dataset.hash, inputSize, resize }));

  it("is decoded by them together: each takes what the others have not made", async () => {
    const three = await Promise.all([many(), many(), many()]);
    const packed = await Promise.all(three.map((one) => packDataset(one.options)));
    expect(packed.filter(({ built }) => built)).toHaveLength(1);
    const reads = three.reduce((sum, one) => sum + one.reads(), 0);
    expect(reads).toBeGreaterThanOrEqual(COUNT);
    expect(reads).toBeLessThan(2 * COUNT); // alone, each would read them all
    expect(await readdir(folder)).toEqual([`${sha256("dataset")}-8-stretch`]);
    expect((await openPack(packed[0]!.folder)).images.subarray(-192)).toEqual(
      await decodeImage([...objects.values()][0]!, { inputSize: 8, resize: "stretch" }),
    );
  });

  it("is taken as it is by one who comes to its parts after the others have removed them", async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let lateReads = 0;
    const readLate = async (hash: string): Promise<Uint8Array> => {
      lateReads++;
      await gate;
      return objects.get(hash)!;
    };
    const late = packDataset((await many({ readObject: readLate })).options);
    expect((await packDataset((await many()).options)).built).toBe(true);
    open();
    expect(await late).toMatchObject({ built: false });
    expect(lateReads).toBeLessThanOrEqual(64); // the two parts it had begun
    expect(await readdir(folder)).toEqual([`${sha256("dataset")}-8-stretch`]);
  });

  it("goes on from the parts that a killed process left, and makes a spoilt one again", async () => {
    const { options: asked, reads } = await many();
    const image = await decodeImage([...objects.values()][0]!, { inputSize: 8, resize: "stretch" });
    const decodeRow = async (): Promise<{ image: Uint8Array; mask: null; emptied: boolean }> => ({ image, mask: null, emptied: false });
    await makeParts({ folder: partsOf(asked), rows: COUNT, pixels: 64, concurrency: 4, decodeRow, isMade: async () => false });
    const [first, second, third] = ["0", "1", "2"].map((name) => join(partsOf(asked), name)) as [string, string, string];
    await writeFile(first, (await readFile(first)).fill(0, 10, 11));
    await truncate(second, 100);
    await rm(third);
    const { folder: at, built } = await packDataset(asked);
    expect(built).toBe(true);
    expect(reads()).toBe(3 * 32);
    const { images } = await openPack(at);
    for (let row = 0; row < COUNT; row++) expect(images.subarray(row * 192, (row + 1) * 192)).toEqual(image);
    expect(await readdir(folder)).toEqual([`${sha256("dataset")}-8-stretch`]);
  });
});
