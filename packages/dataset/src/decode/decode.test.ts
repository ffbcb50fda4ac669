import { crc32, deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { SaphenaError } from "@saphena/contracts";
import { decodeImage, inspectImage } from "./image.ts";
import { decodeMask, inspectMask, readMask } from "./mask.ts";
import { placeNearest, placement } from "./geometry.ts";

type Format = "png" | "jpeg" | "webp";

function raw(bytes: ArrayLike<number>, width: number, height: number): Sharp {
  const channels = (bytes.length / width / height) as 1 | 2 | 3 | 4;
  const image = sharp(Uint8Array.from(bytes), { raw: { width, height, channels } });
  return channels <= 2 ? image.toColourspace("b-w") : image;
}

/** Pixels without a pattern, so that any damage or shift shows. */
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7919 + ((i * i) >> 3)) & 255);
const encode = (image: Sharp, format: Format): Promise<Buffer> =>
  format === "png"
    ? image.png().toBuffer()
    : format === "jpeg"
      ? image.jpeg({ quality: 100 }).toBuffer()
      : image.webp({ lossless: true }).toBuffer();

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const known = SaphenaError.from(error);
    return `${known.code} ${known.message}`;
  }
  return "accepted";
}

describe("an image", () => {
  it("that has the input size already keeps its very pixels", async () => {
    const pixels = noise(16 * 16 * 3);
    for (const format of ["png", "webp"] as const) {
      const bytes = await encode(raw(pixels, 16, 16), format);
      expect(await inspectImage(bytes)).toEqual({ width: 16, height: 16, format });
      for (const resize of ["stretch", "fit"] as const)
        expect([...(await decodeImage(bytes, { inputSize: 16, resize }))]).toEqual([...pixels]);
    }
  });

  it("of any kind becomes RGB: grey, alpha over white, 16 bits, JPEG", async () => {
    const corner = async (bytes: Buffer): Promise<number[]> => [
      ...(await decodeImage(bytes, { inputSize: 4, resize: "stretch" })).subarray(0, 3),
    ];
    expect(await corner(await encode(raw(new Uint8Array(16).fill(90), 4, 4), "png"))).toEqual([90, 90, 90]);
    expect(await corner(await encode(raw(Array.from({ length: 16 }, () => [255, 0, 0, 0]).flat(), 4, 4), "png"))).toEqual([255, 255, 255]);
    expect(await corner(await encode(raw(Array.from({ length: 16 }, () => [0, 0, 0, 128]).flat(), 4, 4), "webp"))).toEqual([127, 127, 127]);
    const wide = sharp(new Uint16Array(16).fill(0x5a5a), { raw: { width: 4, height: 4, channels: 1 } }).toColourspace("grey16");
    expect(await corner(await encode(wide, "png"))).toEqual([0x5a, 0x5a, 0x5a]);
    expect(await corner(await encode(raw(new Uint8Array(64 * 3).fill(200), 8, 8), "jpeg"))).toEqual([200, 200, 200]);
  });

  it("is turned by its EXIF orientation, and its mask by its own", async () => {
    const pixels = noise(6 * 4 * 3);
    const turned = await raw(pixels, 6, 4).withMetadata({ orientation: 6 }).png().toBuffer();
    expect(await inspectImage(turned)).toMatchObject({ width: 4, height: 6 });
    const upright = await raw(pixels, 6, 4).rotate(90).png().toBuffer();
    const fitting = { inputSize: 6, resize: "fit" as const };
    expect([...(await decodeImage(turned, fitting))]).toEqual([...(await decodeImage(upright, fitting))]);
    const mask = await raw([1, 0, 0, 0, 0, 0], 3, 2).withMetadata({ orientation: 6 }).png().toBuffer();
    expect(await readMask(mask, null)).toEqual({ width: 2, height: 3, classes: Uint8Array.of(0, 1, 0, 0, 0, 0) });
  });

  it("is refused when it is damaged, cut off, empty, no image, animated or absurdly large", async () => {
    const pixels = raw(noise(100 * 80 * 3), 100, 80);
    const png = await encode(pixels, "png");
    const flipped = Buffer.from(png);
    flipped[flipped.length >> 1]! ^= 0xff;
    const jpeg = await encode(pixels, "jpeg");
    const scratched = Buffer.from(jpeg).fill(0, 4000, 4400);
    const frames = await sharp(noise(8 * 16 * 3), { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
      .webp({ delay: [50, 50] })
      .toBuffer();
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    const refusals = await Promise.all(
      [
        png.subarray(0, png.length >> 1),
        flipped,
        png.subarray(0, -12),
        jpeg.subarray(0, 5000),
        scratched,
        Buffer.alloc(0),
        Buffer.from("text"),
        svg,
      ].map((b) => refusal(inspectImage(b))),
    );
    expect(refusals).toMatchInlineSnapshot(`
      [
        "IMAGE_INVALID the image cannot be used: the PNG is damaged: it ends too early",
        "IMAGE_INVALID the image cannot be used: the PNG is damaged: the checksum of its IDAT chunk at byte 54 is wrong",
        "IMAGE_INVALID the image cannot be used: the PNG is damaged: it ends too early",
        "IMAGE_INVALID the image cannot be used: it is damaged or cut off",
        "IMAGE_INVALID the image cannot be used: it is damaged or cut off",
        "IMAGE_INVALID the image cannot be used: the file is empty",
        "IMAGE_INVALID the image cannot be used: it is not a PNG, JPEG or WebP image",
        "IMAGE_INVALID the image cannot be used: its format is svg, not PNG, JPEG or WebP",
      ]
    `);
    expect(await refusal(inspectImage(frames))).toContain("it is an animation");
    const huge = await sharp({ create: { width: 10_001, height: 10_000, channels: 3, background: "#fff" } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    expect(await refusal(inspectImage(huge))).toBe("IMAGE_INVALID the image cannot be used: it has more than 100 megapixels");
    // What is refused at import is refused at packing too.
    expect(await refusal(decodeImage(flipped, { inputSize: 8, resize: "fit" }))).toContain("IMAGE_INVALID");
  });
});

describe("geometry", () => {
  it("centres what is fitted, and never loses a side", () => {
    expect(placement(200, 100, { inputSize: 64, resize: "fit" })).toEqual({ left: 0, top: 16, width: 64, height: 32 });
    expect(placement(10_000, 1, { inputSize: 64, resize: "fit" })).toEqual({ left: 0, top: 31, width: 64, height: 1 });
    expect(placement(200, 100, { inputSize: 64, resize: "stretch" })).toEqual({ left: 0, top: 0, width: 64, height: 64 });
  });

  it("puts an image and its mask at the same place, whatever their size", async () => {
    for (const [width, height] of [
      [90, 30],
      [31, 77],
      [20, 20],
      [300, 200],
    ] as const) {
      for (const resize of ["stretch", "fit"] as const) {
        // A black rectangle on white, and the mask of it.
        const inside = (x: number, y: number): boolean => x > width * 0.2 && x < width * 0.6 && y > height * 0.3 && y < height * 0.7;
        const mask = Uint8Array.from({ length: width * height }, (_, i) => (inside(i % width, Math.floor(i / width)) ? 255 : 0));
        const image = Uint8Array.from({ length: width * height * 3 }, (_, i) => 255 - mask[Math.floor(i / 3)]!);
        const fitting = { inputSize: 40, resize };
        const pixels = await decodeImage(await encode(raw(image, width, height), "png"), fitting);
        const { classes } = await decodeMask(await encode(raw(mask, width, height), "png"), { ...fitting, maskClasses: null });
        const darkness = pixels.filter((_, i) => i % 3 === 0).map((value) => 255 - value);
        const [ofImage, ofMask] = [centre(darkness, 40), centre(classes, 40)];
        // Nearest neighbour moves an edge by half a pixel at most; a wrong rule would move both edges the same way.
        expect(Math.hypot(ofImage.x - ofMask.x, ofImage.y - ofMask.y), `${width}×${height} ${resize}`).toBeLessThan(0.5);
      }
    }
  });

  it("samples masks at pixel centres", () => {
    expect([...placeNearest(Uint8Array.of(1, 2, 3, 4), 2, 2, { inputSize: 4, resize: "stretch" })]).toEqual([
      1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4,
    ]);
    expect([...placeNearest(Uint8Array.of(1, 2, 3, 4), 4, 1, { inputSize: 2, resize: "stretch" })]).toEqual([2, 4, 2, 4]);
  });
});

describe("a mask", () => {
  const classes = async (bytes: Buffer, maskClasses: Parameters<typeof readMask>[1] = null): Promise<number[]> => [
    ...(await readMask(bytes, maskClasses)).classes,
  ];

  it("is foreground where it is neither black nor transparent, at any bit depth", async () => {
    expect(await classes(await encode(raw([0, 1, 128, 255], 2, 2), "png"))).toEqual([0, 1, 1, 1]);
    expect(
      await classes(
        await encode(
          raw(
            [
              [0, 0, 0],
              [0, 0, 9],
              [9, 0, 0],
              [0, 0, 0],
            ].flat(),
            2,
            2,
          ),
          "png",
        ),
      ),
    ).toEqual([0, 1, 1, 0]);
    expect(
      await classes(
        await encode(
          raw(
            [
              [9, 9, 9, 0],
              [9, 9, 9, 1],
              [0, 0, 0, 255],
              [0, 0, 1, 255],
            ].flat(),
            2,
            2,
          ),
          "png",
        ),
      ),
    ).toEqual([0, 1, 0, 1]);
    expect(await classes(await raw([0, 0, 255, 255], 2, 2).png({ palette: true, colours: 2 }).toBuffer())).toEqual([0, 0, 1, 1]);
    const wide = sharp(Uint16Array.of(0, 1, 255, 256), { raw: { width: 2, height: 2, channels: 1 } }).toColourspace("grey16");
    expect(await classes(await encode(wide, "png"))).toEqual([0, 1, 1, 1]);
  });

  it("has the listed classes by stored value, or by palette index where the palette is coloured", async () => {
    const listed = [
      { name: "ulcer", value: 2 },
      { name: "scar", value: 1 },
    ];
    expect(await classes(await encode(raw([0, 1, 2, 2], 2, 2), "png"), listed)).toEqual([0, 2, 1, 1]);
    expect(
      await classes(
        await encode(
          raw(
            [
              [1, 1, 1],
              [0, 0, 0],
              [2, 2, 2],
              [1, 1, 1],
            ].flat(),
            2,
            2,
          ),
          "png",
        ),
        listed,
      ),
    ).toEqual([2, 0, 1, 2]);
    const coloured = await raw(
      [
        [0, 0, 0],
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 0],
      ].flat(),
      2,
      2,
    )
      .png({ palette: true, colours: 4 })
      .toBuffer();
    const palette = [
      ...(await classes(
        coloured,
        [1, 2, 3].map((value) => ({ name: `c${value}`, value })),
      )),
    ];
    expect(new Set(palette).size).toBe(3);
    expect(palette[0]).toBe(palette[3]);
  });

  it("of fewer than 8 bits holds small values", async () => {
    // 4 × 1 pixels, 2 bits each: 0 1 2 3, hand-made because encoders choose the depth themselves.
    const listed = [1, 2, 3].map((value) => ({ name: `c${value}`, value }));
    expect(await classes(tinyGreyPng(2, Uint8Array.of(0, 0b00011011)), listed)).toEqual([0, 1, 2, 3]);
    expect(await classes(tinyGreyPng(1, Uint8Array.of(0, 0b01010000)), [listed[0]!])).toEqual([0, 1, 0, 1]);
  });

  it("is refused for a value that is not listed, a colour, or another format than PNG", async () => {
    const listed = [{ name: "ulcer", value: 1 }];
    const colour = raw(
      [
        [0, 0, 0],
        [1, 2, 3],
      ].flat(),
      2,
      1,
    );
    expect(await refusal(readMask(await encode(raw([0, 1, 7, 0], 2, 2), "png"), listed))).toBe(
      "MASK_INVALID the mask cannot be used: pixel 0,1 has the value 7, listed are 0, 1",
    );
    expect(await refusal(readMask(await encode(colour, "png"), listed))).toContain("pixel 1,0 is coloured, not grey");
    expect(await refusal(inspectMask(await encode(colour, "jpeg"), null))).toBe(
      "MASK_INVALID the mask cannot be used: it is JPEG, which changes pixel values; masks are PNG",
    );
    expect(await refusal(inspectMask(Buffer.from("text"), null))).toBe(
      "MASK_INVALID the mask cannot be used: it is not a PNG, JPEG or WebP image",
    );
  });

  it("that loses its last foreground when made smaller is counted", async () => {
    const dot = new Uint8Array(64 * 64);
    dot[64 * 3 + 3] = 255;
    const bytes = await encode(raw(dot, 64, 64), "png");
    expect((await decodeMask(bytes, { inputSize: 8, resize: "stretch", maskClasses: null })).emptied).toBe(true);
    expect((await decodeMask(bytes, { inputSize: 64, resize: "stretch", maskClasses: null })).emptied).toBe(false);
    const empty = await encode(raw(new Uint8Array(64 * 64), 64, 64), "png");
    expect((await decodeMask(empty, { inputSize: 8, resize: "stretch", maskClasses: null })).emptied).toBe(false);
  });
});

function centre(weights: Uint8Array, side: number): { x: number; y: number } {
  const total = weights.reduce((sum, w) => sum + w, 0);
  const mean = (place: (i: number) => number): number => weights.reduce((sum, w, i) => sum + w * place(i), 0) / total;
  return { x: mean((i) => i % side), y: mean((i) => Math.floor(i / side)) };
}

/** A 4 × 1 grey PNG of the given bit depth; `line` is the filter byte and the packed pixels. */
function tinyGreyPng(bitDepth: number, line: Uint8Array): Buffer {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const frame = Buffer.alloc(body.length + 8);
    frame.writeUInt32BE(data.length, 0);
    body.copy(frame, 4);
    frame.writeUInt32BE(crc32(body), body.length + 4);
    return frame;
  };
  const header = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 1, bitDepth, 0, 0, 0, 0);
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(line)), chunk("IEND", new Uint8Array())]);
}
