import { describe, expect, it } from "vitest";
import { resample } from "./resampling.ts";

const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7919 + ((i * i) >> 3)) & 255);

describe("resampling", () => {
  it("agrees with Pillow's BILINEAR, which rounds twice, to one step of 255", () => {
    // Image.fromarray(noise(7 * 5 * 3).reshape(5, 7, 3)).resize((3, 4), Image.BILINEAR), Pillow 12
    const pillow = [
      137, 190, 176, 114, 101, 88, 101, 89, 79, 130, 167, 158, 155, 155, 148, 119, 114, 109, 136, 179, 176, 201, 206, 205, 204, 205, 206,
      223, 186, 189, 114, 74, 80, 95, 101, 108,
    ];
    const ours = resample(noise(7 * 5 * 3), 7, 5, 3, 4);
    expect(ours).toHaveLength(pillow.length);
    expect(Math.max(...pillow.map((value, i) => Math.abs(value - ours[i]!)))).toBeLessThanOrEqual(1);
  });

  it("keeps a flat image flat, whatever the sizes", () => {
    for (const [width, height, toWidth, toHeight] of [
      [1, 1, 64, 64],
      [3, 200, 64, 5],
      [501, 7, 64, 64],
      [64, 64, 1, 1],
    ] as const) {
      const flat = resample(new Uint8Array(width * height * 3).fill(255), width, height, toWidth, toHeight);
      expect(flat).toHaveLength(toWidth * toHeight * 3);
      expect(flat.every((value) => value === 255)).toBe(true);
    }
  });

  it("commutes with mirroring, so it shifts nothing", () => {
    const mirrored = (pixels: Uint8Array, width: number): number[] =>
      Array.from({ length: pixels.length / 3 }, (_, i) => i)
        .map((i) => Math.floor(i / width) * width + width - 1 - (i % width))
        .flatMap((i) => [...pixels.subarray(i * 3, i * 3 + 3)]);
    for (const toWidth of [5, 11, 12, 40]) {
      const pixels = noise(11 * 4 * 3);
      const there = resample(Uint8Array.from(mirrored(pixels, 11)), 11, 4, toWidth, 4);
      const back = mirrored(resample(pixels, 11, 4, toWidth, 4), toWidth);
      expect(Math.max(...back.map((value, i) => Math.abs(value - there[i]!)))).toBeLessThanOrEqual(1);
    }
  });
});
