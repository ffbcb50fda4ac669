import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SaphenaError, datasetRecordSchema, manifestRowSchema } from "@saphena/contracts";
import { sha256 } from "../canonical-json.ts";
import { localFiles } from "../decode/local-files.ts";
import { formatManifest, parseManifest } from "../manifest.ts";
import { importDataset } from "./dataset-import.ts";
import type { ImportOptions, ImportedDataset } from "./dataset-import.ts";

let outer: string;
let folder: string;
beforeEach(async () => {
  outer = await mkdtemp(join(tmpdir(), "saphena-import-"));
  folder = join(outer, "data");
});
afterEach(() => rm(outer, { recursive: true, force: true }));

async function write(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}
/** An image of one grey; equal greys are equal files. */
function picture(grey: number, width = 6, height = 4): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: { r: grey, g: grey, b: grey } } })
    .png()
    .toBuffer();
}
function mask(width = 6, height = 4): Promise<Buffer> {
  const pixels = Uint8Array.from({ length: width * height }, (_, i) => (i % width < 2 ? 1 : 0));
  return sharp(pixels, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
}
const load = (source: string, options: Partial<ImportOptions> = {}): Promise<ImportedDataset> =>
  importDataset({ name: "wounds", source: join(folder, source), reader: localFiles, ...options });
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const known = SaphenaError.from(error);
    return `${known.code} ${known.message}`.replaceAll(outer, "");
  }
  return "imported";
}

/** a, b, c with masks for a and b, labels for a and c, one group for a and b. */
async function sound(): Promise<void> {
  for (const [id, grey] of [
    ["a", 10],
    ["b", 20],
    ["c", 30],
  ] as const)
    await write(`images/${id}.png`, await picture(grey));
  await write("masks/a.png", await mask());
  await write("masks/b.png", await mask());
  await write(
    "manifest.csv",
    "id,image,mask,label,group,source,weight\nb,images/b.png,masks/b.png,,p1,clinic,\na,images/a.png,masks/a.png,mild,p1,clinic,2\nc,images/c.png,,severe,,,0.5\n",
  );
}

describe("a manifest", () => {
  it("becomes rows, files by hash, and a record", async () => {
    await sound();
    const { record, rows, files, skipped, warnings } = await load("manifest.csv");
    expect({ skipped, warnings }).toEqual({ skipped: [], warnings: [] });
    expect(rows.map(({ id, label, group, source, weight }) => [id, label, group, source, weight])).toEqual([
      ["a", "mild", "p1", "clinic", 2],
      ["b", null, "p1", "clinic", 1],
      ["c", "severe", "c", null, 0.5],
    ]);
    expect(rows[0]!.image).toMatchObject({ width: 6, height: 4, format: "png" });
    expect(rows.map((row) => row.mask !== null)).toEqual([true, true, false]);
    expect(record).toMatchObject({
      name: "wounds",
      labels: ["mild", "severe"],
      images: 3,
      masks: 2,
      labelled: 2,
      groups: 2,
      maskClasses: null,
    });
    expect(() => [datasetRecordSchema.parse(record), ...rows.map((row) => manifestRowSchema.parse(row))]).not.toThrow();
    expect(files.size).toBe(4); // the two masks are the same file
    for (const [hash, path] of files) expect(sha256(await localFiles.read(path))).toBe(hash);
    expect(parseManifest(formatManifest(rows))).toEqual(rows);
  });

  it("has a hash that depends on content, and neither on paths nor on the order of rows, nor on CSV or JSON lines", async () => {
    await sound();
    const { record } = await load("manifest.csv");
    await write("elsewhere/c2.png", await picture(30));
    await write(
      "other.csv",
      "label;id;weight;mask;image;group;source\nsevere;c;0.5;;elsewhere/c2.png;;\nmild;a;2;masks/a.png;images/a.png;p1;clinic\n;b;1;masks/a.png;images/b.png;p1;clinic\n",
    );
    await write(
      "rows.jsonl",
      '{"id":"c","image":"images/c.png","label":"severe","weight":0.5}\n\n{"id":"b","image":"images/b.png","mask":"masks/b.png","label":null,"group":"p1","source":"clinic"}\n{"id":"a","image":"images/a.png","mask":"masks/a.png","label":"mild","group":"p1","source":"clinic","weight":"2"}\n',
    );
    expect((await load("other.csv", { name: "renamed" })).record.hash).toBe(record.hash);
    expect((await load("rows.jsonl")).record.hash).toBe(record.hash);
    const changes: Partial<ImportOptions>[] = [
      { labels: ["severe", "mild"] },
      { merge: { severe: "mild" } },
      { maskClasses: [{ name: "ulcer", value: 1 }] },
    ];
    const hashes = await Promise.all(changes.map(async (change) => (await load("manifest.csv", change)).record.hash));
    await write("images/c.png", await picture(31));
    hashes.push((await load("manifest.csv")).record.hash, record.hash);
    expect(new Set(hashes).size).toBe(5);
  });

  it("may have labels that are numbers, a byte order mark, quotes, other columns, JPEG and WebP", async () => {
    await write(
      "x, y.jpg",
      await sharp(await picture(1))
        .jpeg()
        .toBuffer(),
    );
    await write(
      "z.webp",
      await sharp(await picture(2))
        .webp()
        .toBuffer(),
    );
    await write("m.csv", '\uFEFFID,Image,Label,age,lable\r\n1,"x, y.jpg",10,44,\r\n2,z.webp,9,51,\r\n');
    const { record, rows, warnings } = await load("m.csv");
    expect(record.labels).toEqual(["9", "10"]);
    expect(rows.map(({ image }) => image.format)).toEqual(["jpeg", "webp"]);
    expect(warnings).toEqual(["the column age is ignored", "the column lable is ignored; did you mean label?"]);
  });

  it("with bad rows is refused with every one of them named", async () => {
    await sound();
    await write("images/cut.png", (await picture(1, 60, 60)).subarray(0, 100));
    await write("images/note.png", "hello");
    await write("masks/wide.png", await mask(7, 4));
    await write(
      "masks/coloured.jpg",
      await sharp(await picture(9))
        .jpeg()
        .toBuffer(),
    );
    await writeFile(join(outer, "secret.png"), await picture(99));
    await symlink(join(outer, "secret.png"), join(folder, "images/link.png"));
    await symlink(join(folder, "images/c.png"), join(folder, "images/inner-link.png"));
    const lines = [
      "id,image,mask,label,weight",
      "cut,images/cut.png,,mild,",
      "note,images/note.png,,,",
      "wide,images/a.png,masks/wide.png,,",
      "jpg,images/a.png,masks/coloured.jpg,,",
      "unknown,images/a.png,,mildd,",
      "a,images/a.png,,,",
      "a,images/b.png,,,",
      "climbs,../secret.png,,,",
      "nowhere,../../nowhere.png,,,",
      `absolute,${join(outer, "secret.png")},,,`,
      "link,images/link.png,,,",
      "inner,images/inner-link.png,,,",
      "missing,images/none.png,,,",
      "folder,images,,,",
      "heavy,images/a.png,,,-1",
      ",images/a.png,,,",
      "bare,,,,",
      "short,images/a.png",
      "two,images/none.png,masks/none.png,,",
    ];
    await write("bad.csv", `${lines.join("\n")}\n`);
    const labels = ["mild", "severe"];
    expect(await refusal(load("bad.csv", { labels }))).toMatchInlineSnapshot(`
      "MANIFEST_INVALID the dataset has bad rows or files: 18 problems
        line 2 (id cut): images/cut.png: the image cannot be used: the PNG is damaged: it ends too early; re-export it as PNG, JPEG or WebP
        line 3 (id note): images/note.png: the image cannot be used: it is not a PNG, JPEG or WebP image; re-export it as PNG, JPEG or WebP
        line 4 (id wide): the mask is 7×4 pixels; its image, after EXIF orientation, is 6×4
        line 5 (id jpg): masks/coloured.jpg: the mask cannot be used: it is JPEG, which changes pixel values; masks are PNG; masks are PNG of the same size as their image after EXIF orientation
        line 6 (id unknown): the label "mildd" is not listed; did you mean mild?
        line 8 (id a): the id is that of line 7 too; ids must differ
        line 9 (id climbs): ../secret.png leads out of the dataset's folder; move the file into it
        line 10 (id nowhere): ../../nowhere.png leads out of the dataset's folder; move the file into it
        line 11 (id absolute): /secret.png leads out of the dataset's folder; move the file into it
        line 12 (id link): images/link.png leads out of the dataset's folder; move the file into it
        line 14 (id missing): there is no file images/none.png; paths are relative to the manifest
        line 15 (id folder): images is a folder; name a file
        line 16 (id heavy): its weight is -1; a weight is a number above 0
        line 17: it has no id; every row needs an id and an image
        line 18 (id bare): it has no image; every row needs an id and an image
        line 19 (id short): it has 2 values; the header has 5 columns; quote values that hold the separator
        line 20 (id two): there is no file images/none.png; paths are relative to the manifest
        line 20 (id two): there is no file masks/none.png; paths are relative to the manifest"
    `);
    const { rows, skipped } = await load("bad.csv", { labels, skipBad: true });
    expect(rows.map(({ id }) => id)).toEqual(["a", "inner"]);
    expect(skipped).toHaveLength(18);
  });

  it("prints at most twenty problems and the count of all", async () => {
    await write("many.csv", `id,image\n${Array.from({ length: 33 }, (_, i) => `i${i},none-${i}.png`).join("\n")}\n`);
    const text = await refusal(load("many.csv"));
    expect(text).toContain("33 problems\n  line 2 (id i0): there is no file none-0.png; paths are relative to the manifest\n");
    expect(text.split("\n")).toHaveLength(22);
    expect(text).toMatch(/and 13 more$/);
    expect(await refusal(load("many.csv", { skipBad: true }))).toContain(
      "MANIFEST_INVALID the dataset has bad rows or files: no row is left; 33 problems",
    );
  });

  it("that cannot be read as a whole is refused with one reason", async () => {
    await sound();
    await write("empty.csv", "id,image\n");
    await write("nothing.csv", "");
    await write("columns.csv", "name,file\na,images/a.png\n");
    await write("twice.csv", "id,image,id\na,images/a.png,b\n");
    await write("quote.csv", 'id,image\n"a,images/a.png\n');
    await write("latin.csv", Buffer.from("id,image\n\xe9,images/a.png\n", "latin1"));
    await write("broken.jsonl", '{"id":"a","image":"images/a.png"}\n{"id":"b",\n[1]\n{"id":true,"image":"images/b.png"}\n');
    await write("manifest.txt", "id,image\n");
    const sources = [
      "empty.csv",
      "nothing.csv",
      "columns.csv",
      "twice.csv",
      "quote.csv",
      "latin.csv",
      "broken.jsonl",
      "manifest.txt",
      "absent.csv",
    ];
    const refusals = await Promise.all(sources.map((source) => refusal(load(source))));
    expect(refusals).toMatchInlineSnapshot(`
      [
        "MANIFEST_INVALID the dataset has bad rows or files: /data/empty.csv holds no images",
        "MANIFEST_INVALID the dataset has bad rows or files: /data/nothing.csv holds no images",
        "MANIFEST_INVALID the dataset has bad rows or files: /data/columns.csv has no column id and no column image; it has name, file",
        "MANIFEST_INVALID the dataset has bad rows or files: /data/twice.csv has two columns id",
        "MANIFEST_UNREADABLE the manifest cannot be read: /data/quote.csv: Quote Not Closed: the parsing is finished with an opening quote at line 2",
        "MANIFEST_UNREADABLE the manifest cannot be read: /data/latin.csv is not UTF-8 text",
        "MANIFEST_INVALID the dataset has bad rows or files: 3 problems
        line 2: it is not JSON; write one JSON object a line
        line 3: it is not a JSON object; write one JSON object a line
        line 4: id is true; it must be text or a number",
        "MANIFEST_UNREADABLE the manifest cannot be read: /data/manifest.txt is not a .csv, .tsv, .jsonl or .ndjson file",
        "MANIFEST_UNREADABLE the manifest cannot be read: there is nothing at /data/absent.csv",
      ]
    `);
    expect(await refusal(load("manifest.csv", { name: "Bad Name" }))).toContain("DATASET_NAME_INVALID");
    expect(await refusal(load("manifest.csv", { labels: ["mild", "mild"] }))).toContain("the label mild is listed twice");
  });

  it("is warned of where an image is repeated and where a merge finds nothing", async () => {
    await sound();
    await write("m.csv", "id,image,label\na,images/a.png,1\nb,images/a.png,2\nc,images/a.png,1\n");
    const { record, warnings } = await load("m.csv", { merge: { "2": "1b", "3": "1" } });
    expect(record).toMatchObject({ labels: ["1", "1b"], merge: { "2": "1b", "3": "1" } });
    expect(warnings).toEqual([
      "no row has the label 3, which is to be merged",
      "2 rows repeat the image of another id, 1 of them with another label",
    ]);
  });

  it("may list mask classes by pixel value, and then no other value passes", async () => {
    await sound();
    expect((await load("manifest.csv", { maskClasses: [{ name: "ulcer", value: 1 }] })).record.masks).toBe(2);
    expect(await refusal(load("manifest.csv", { maskClasses: [{ name: "ulcer", value: 255 }] }))).toContain(
      "pixel 0,0 has the value 1, listed are 0, 255",
    );
  });

  it("has masks compared with the image as EXIF turns it", async () => {
    await write(
      "turned.jpg",
      await sharp(await picture(50))
        .withMetadata({ orientation: 6 })
        .jpeg()
        .toBuffer(),
    );
    await write("upright.png", await mask(4, 6));
    await write("lying.png", await mask(6, 4));
    await write("m.csv", "id,image,mask\ngood,turned.jpg,upright.png\nbad,turned.jpg,lying.png\n");
    const { rows, skipped } = await load("m.csv", { skipBad: true });
    expect(rows).toMatchObject([{ id: "good", image: { width: 4, height: 6 } }]);
    expect(skipped).toMatchObject([
      { id: "bad", where: "line 3", what: "the mask is 6×4 pixels", remedy: "its image, after EXIF orientation, is 4×6" },
    ]);
  });
});

describe("a folder", () => {
  it("per class gives labels, with masks in a folder like it, beside the images, or flat", async () => {
    await write(
      "set/mild/a.jpg",
      await sharp(await picture(1))
        .jpeg()
        .toBuffer(),
    );
    await write("set/mild/deep/b.png", await picture(2));
    await write(
      "set/severe/c.webp",
      await sharp(await picture(3))
        .webp()
        .toBuffer(),
    );
    await write("set/severe/d.png", await picture(4));
    await write("set/severe/d_mask.png", await mask());
    await write("set/readme.txt", "hello");
    await write("set/.hidden.png", "not an image");
    await write("masks/mild/a.png", await mask());
    await write("masks/mild/deep/b_segmentation.png", await mask());
    await write("masks/c.png", await mask());
    const { record, rows, warnings } = await load("set", { masks: join(folder, "masks"), labels: ["severe", "mild"] });
    expect(rows.map(({ id, label, mask: file }) => [id, label, file !== null])).toEqual([
      ["mild/a", "mild", true],
      ["mild/deep/b", "mild", true],
      ["severe/c", "severe", true],
      ["severe/d", "severe", true],
    ]);
    expect(record.labels).toEqual(["severe", "mild"]);
    expect(warnings).toEqual(["1 file is no image and is ignored: readme.txt"]);
  });

  it("of paired images and masks has no labels", async () => {
    for (const id of ["a", "b"]) {
      await write(`set/images/${id}.png`, await picture(id.charCodeAt(0)));
      await write(`set/masks/${id}.png`, await mask());
    }
    const { record, rows } = await load("set");
    expect(rows.map(({ id, label }) => [id, label])).toEqual([
      ["a", null],
      ["b", null],
    ]);
    expect(record).toMatchObject({ labels: [], masks: 2, labelled: 0 });
  });

  it("is refused where a mask has no image, or several; an image two masks, no class or no readable format", async () => {
    await write("set/x/a.png", await picture(1));
    await write("set/y/a.png", await picture(2));
    await write("set/y/b.png", await picture(3));
    await write("set/y/b_mask.png", await mask());
    await write("set/stray.png", await picture(4));
    await write("set/y/scan.tiff", "II*");
    await write("masks/a.png", await mask());
    await write("masks/nobody.png", await mask());
    await write("masks/y/b.png", await mask());
    expect(await refusal(load("set", { masks: join(folder, "masks") }))).toMatchInlineSnapshot(`
      "MANIFEST_INVALID the dataset has bad rows or files: 5 problems
        a.png: this mask fits 2 images; put masks into folders like those of the images
        nobody.png: this mask belongs to no image; give it the name of its image
        stray.png: it lies beside the class folders; move it into the folder of its class
        y/b_mask.png: its image y/b.png has another mask already; merge the masks of an image into one
        y/scan.tiff: this format is not read; save it as PNG, JPEG or WebP"
    `);
    expect((await load("set", { masks: join(folder, "masks"), skipBad: true })).rows.map(({ id }) => id)).toEqual(["x/a", "y/a", "y/b"]);
  });

  it("without images, or with masks that are no folder, is refused", async () => {
    await mkdir(join(folder, "empty"), { recursive: true });
    await write("m.csv", "id,image\n");
    expect(await refusal(load("empty"))).toBe("MANIFEST_INVALID the dataset has bad rows or files: /data/empty holds no images");
    expect(await refusal(load("empty", { masks: join(folder, "none") }))).toBe(
      "MANIFEST_UNREADABLE the manifest cannot be read: the folder of masks: /data/none is not a folder",
    );
    expect(await refusal(load("m.csv", { masks: join(folder, "empty") }))).toContain("a manifest names its masks itself");
  });
});
