import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { makeTinyDataset, temporaryFolder } from "./index.ts";

describe("makeTinyDataset", () => {
  it("writes what the manifest names: images, masks of their size with two values, labels that all occur in no single group only", async () => {
    const folder = await temporaryFolder("tiny");
    const { manifest, rows } = await makeTinyDataset(folder, { images: 12, groups: 6, size: 24, labels: ["a", "b", "c"] });
    const lines = (await readFile(manifest, "utf8")).trimEnd().split("\n");
    expect(lines[0]).toBe("id,image,mask,label,group");
    expect(lines).toHaveLength(13);
    expect(new Set(rows.map((row) => row.group)).size).toBe(6);
    for (const label of ["a", "b", "c"])
      expect(new Set(rows.filter((row) => row.label === label).map((row) => row.group)).size).toBeGreaterThan(1);
    for (const row of rows) {
      expect(await sharp(join(folder, row.image)).metadata()).toMatchObject({ format: "png", width: 24, height: 24, channels: 3 });
      const { data, info } = await sharp(join(folder, row.mask!)).raw().toBuffer({ resolveWithObject: true });
      expect([info.width, info.height]).toEqual([24, 24]);
      expect(new Set(data)).toEqual(new Set([0, 255]));
    }
  });

  it("leaves out masks and labels, and gives the same bytes for the same seed only", async () => {
    const bytesOf = async (seed: number): Promise<Buffer> => {
      const folder = await temporaryFolder("tiny");
      const { manifest, rows } = await makeTinyDataset(folder, { images: 2, masks: false, labels: [], seed });
      expect((await readFile(manifest, "utf8")).split("\n")[0]).toBe("id,image,group");
      return readFile(join(folder, rows[0]!.image));
    };
    const first = await bytesOf(1);
    expect(first.equals(await bytesOf(1))).toBe(true);
    expect(first.equals(await bytesOf(2))).toBe(false);
  });
});
