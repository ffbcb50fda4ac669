// Each transform against nnU-Net's own (fixtures/make_augmentation.py), then what no reference can tell: draws, and image beside mask.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolveAugmentation } from "@saphena/contracts";
import type { AugmentationSettings } from "@saphena/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allocateBatch, createBatchFiller } from "../batches/batch.ts";
import type { BatchSource } from "../batches/batch.ts";
import { applyIntensities } from "./apply.ts";
import { augmentationOf } from "./augmentation.ts";
import type { Augmentation } from "./augmentation.ts";
import { addNormalNoise } from "./normal-noise.ts";
import { createScratch } from "./scratch.ts";
import { placementOf, resampleImage, resampleMask } from "./spatial.ts";

interface Fixture {
  side: number;
  mean: number[];
  sd: number[];
  image: string;
  mask: string;
  cases: { name: string; augmentation: Partial<Augmentation>; image: string; mask: string }[];
}
const fixture = JSON.parse(readFileSync(new URL("../../fixtures/augmentation.json", import.meta.url), "utf8")) as Fixture;
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));
const floatsOf = (text: string): Float32Array => new Float32Array(bytesOf(text).buffer);

const NOTHING: Augmentation = {
  mirror: { horizontal: false, vertical: false },
  rotationRadians: 0,
  scale: 1,
  noise: null,
  blur: null,
  brightness: null,
  contrast: null,
  lowResolution: null,
  invertedGamma: null,
  gamma: null,
};

function augmented(what: Augmentation): { image: Float32Array; mask: Uint8Array } {
  const { side, mean, sd } = fixture;
  const image = new Float32Array(side * side * 3).fill(Number.NaN);
  const mask = new Uint8Array(side * side).fill(9);
  const placement = placementOf(what, side);
  const normalisation = {
    factor: Float64Array.from(sd, (value) => 1 / value),
    offset: Float64Array.from(mean, (value, c) => -value / sd[c]!),
  };
  resampleImage(bytesOf(fixture.image), 0, image, 0, side, placement, normalisation);
  resampleMask(bytesOf(fixture.mask), 0, mask, 0, side, placement);
  applyIntensities(image, 0, side, what, createScratch(side));
  return { image, mask };
}
const furthest = (a: Float32Array, b: Float32Array): number => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

/** float32 on both sides, values of order 1; the powers of gamma are looked up, which tells most where they are steepest. */
function toleranceOf(name: string, what: Partial<Augmentation>): number {
  if (name === "an extreme gamma") return 6e-4;
  return "gamma" in what || "invertedGamma" in what ? 1e-4 : 5e-6;
}

describe("against nnU-Net's transforms", () => {
  it.each(fixture.cases)("$name is the same", ({ name, augmentation, image, mask }) => {
    const own = augmented({ ...NOTHING, ...augmentation });
    expect(furthest(own.image, floatsOf(image))).toBeLessThan(toleranceOf(name, augmentation));
    expect(own.mask).toEqual(bytesOf(mask));
  });
});

const settings = (changes: { [Name in keyof AugmentationSettings]?: Partial<AugmentationSettings[Name]> }): AugmentationSettings => {
  const none = resolveAugmentation("none");
  const entries = Object.entries(none).map(([name, values]) => {
    const change = changes[name as keyof AugmentationSettings];
    return [name, change === undefined ? values : { ...values, enabled: true, probability: 1, ...change }];
  });
  return Object.fromEntries(entries) as AugmentationSettings;
};
const SIDE = 24;
const PLAIN = { mean: [0, 0, 0], sd: [1, 1, 1] };

/** Images of a few soft spots, in red, on which class 1 is where red is above 127, so that a mask can be told from its image. */
function source(images: number): BatchSource {
  const pixels = SIDE * SIDE;
  const bytes = new Uint8Array(images * pixels * 3);
  const masks = new Uint8Array(images * pixels);
  for (let at = 0; at < images * pixels; at++) {
    const [x, y, image] = [at % SIDE, Math.floor((at % pixels) / SIDE), Math.floor(at / pixels)];
    bytes[at * 3] = 127.5 + 120 * Math.sin(x / 5 + image) * Math.cos(y / 6 - image);
    bytes[at * 3 + 1] = 255;
    bytes[at * 3 + 2] = (y * 9) & 255;
    masks[at] = bytes[at * 3]! > 127 ? 1 : 0;
  }
  const each = new Uint8Array(images).fill(1);
  return { inputSize: SIDE, images: bytes, masks, hasMask: each, labels: new Int32Array(images), weights: Float32Array.from(each) };
}

describe("what happens to an image", () => {
  it("follows from seed, epoch and index alone, and each of them matters", () => {
    const all = resolveAugmentation("default");
    fc.assert(
      fc.property(fc.nat(), fc.nat(1000), fc.nat(10_000), (seed, epoch, index) => {
        expect(augmentationOf(all, seed, epoch, index)).toEqual(augmentationOf(all, seed, epoch, index));
      }),
    );
    const drawn = (seed: number, epoch: number): string =>
      JSON.stringify(Array.from({ length: 20 }, (_, index) => augmentationOf(all, seed, epoch, index)));
    expect(new Set([drawn(1, 1), drawn(1, 2), drawn(2, 1)]).size).toBe(3);
  });

  it("happens as often as the settings say, within their ranges", () => {
    const all = resolveAugmentation("default");
    const drawn = Array.from({ length: 20_000 }, (_, index) => augmentationOf(all, 5, 1 + (index % 7), index));
    const share = (happens: (what: Augmentation) => boolean): number => drawn.filter(happens).length / drawn.length;
    // The standard deviation of a share of a half of 20,000 is 0.0035.
    expect(share(({ mirror }) => mirror.horizontal)).toBeCloseTo(0.5, 1);
    expect(share(({ mirror }) => mirror.horizontal !== mirror.vertical)).toBeCloseTo(0.5, 1);
    const probabilities: [(what: Augmentation) => boolean, number][] = [
      [({ rotationRadians }) => rotationRadians !== 0, 0.2],
      [({ rotationRadians }) => rotationRadians > 0, 0.1],
      [({ scale }) => scale !== 1, 0.2],
      [({ noise }) => noise !== null, 0.1],
      [({ blur }) => blur !== null, 0.2],
      [({ blur }) => blur !== null && blur.down[1] > 0, 0.1],
      [({ brightness }) => brightness !== null, 0.15],
      [({ contrast }) => contrast !== null && contrast[2] < 1, 0.075],
      [({ lowResolution }) => lowResolution !== null && lowResolution[0] < 1, 0.125],
      [({ invertedGamma }) => invertedGamma !== null, 0.1],
      [({ gamma }) => gamma !== null && gamma[1] > 1, 0.15],
    ];
    for (const [happens, probability] of probabilities) expect(Math.abs(share(happens) - probability)).toBeLessThan(0.012);
    const between = (values: number[], min: number, max: number): void => {
      expect(Math.min(...values)).toBeGreaterThanOrEqual(min);
      expect(Math.max(...values)).toBeLessThanOrEqual(max);
      // The ends are reached.
      expect(Math.min(...values)).toBeLessThan(min + (max - min) / 50);
      expect(Math.max(...values)).toBeGreaterThan(max - (max - min) / 50);
    };
    between(
      drawn.map(({ scale }) => scale),
      0.7,
      1.4,
    );
    between(
      drawn.flatMap(({ blur }) => (blur === null ? [] : [...blur.down, ...blur.across].filter((sigma) => sigma > 0))),
      0.5,
      1,
    );
    between(
      drawn.flatMap(({ gamma }) => gamma ?? []),
      0.7,
      1.5,
    );
    between(
      drawn.flatMap(({ noise }) => noise?.sd ?? []),
      0,
      0.1,
    );
  });

  it("is another each time that an image comes in an epoch", () => {
    const all = resolveAugmentation("default");
    const occasions = [0, 1, 2, 3].map((repeat) => JSON.stringify([0, 1, 2].map((index) => augmentationOf(all, 1, 1, index, repeat))));
    expect(new Set(occasions).size).toBe(4);
    expect(augmentationOf(all, 1, 1, 5, 0)).toEqual(augmentationOf(all, 1, 1, 5));
  });

  it("does not change in the others when one transform is set otherwise", () => {
    const all = resolveAugmentation("default");
    const other = { ...all, rotation: { ...all.rotation, probability: 1 }, mirror: { ...all.mirror, enabled: false } };
    for (let index = 0; index < 200; index++) {
      const { rotationRadians: _, mirror: __, ...rest } = augmentationOf(all, 1, 1, index);
      expect(augmentationOf(other, 1, 1, index)).toMatchObject(rest);
    }
  });

  it("is nothing where all is switched off or has the probability 0", () => {
    const all = resolveAugmentation("default");
    const never = Object.fromEntries(
      Object.entries(all).map(([name, values]) => [name, { ...values, probability: 0, invertedProbability: 0 }]),
    ) as unknown as AugmentationSettings;
    for (let index = 0; index < 100; index++) {
      expect(augmentationOf(resolveAugmentation("none"), 1, 1, index)).toEqual(NOTHING);
      expect(augmentationOf(never, 1, 1, index)).toEqual(NOTHING);
    }
  });

  it("mirrors only along the axes that are allowed", () => {
    const drawn = Array.from({ length: 50 }, (_, index) => augmentationOf(settings({ mirror: { vertical: false } }), 1, 1, index).mirror);
    expect(drawn.every(({ horizontal, vertical }) => horizontal && !vertical)).toBe(true);
  });
});

describe("images and masks", () => {
  it("stay on each other however they are placed", () => {
    const from = source(4);
    const fill = (augment: AugmentationSettings, seed: number, index: number) =>
      createBatchFiller(from, { seed, augment, statistics: PLAIN })(
        { indices: Int32Array.of(index), epoch: 1, repeats: null },
        allocateBatch(from, 1),
      );
    fc.assert(
      fc.property(fc.nat(), fc.nat(3), fc.integer({ min: 0, max: 180 }), (seed, index, maxDegrees) => {
        const { images, masks } = fill(settings({ mirror: { probability: 0.5 }, rotation: { maxDegrees }, scaling: {} }), seed, index);
        const misplaced = masks.findIndex((value, at) => {
          // Green is full everywhere, so it tells how much of what is seen here is inside of the image.
          const inside = images[at * 3 + 1]! / 255;
          if (inside <= 0.5) return inside === 0 && value !== 0;
          const red = images[at * 3]! / inside;
          // What the spots change over a pixel is left undecided.
          return (red > 127 + 30 && value !== 1) || (red < 127 - 30 && value !== 0);
        });
        expect(misplaced).toBe(-1);
      }),
      { numRuns: 60 },
    );
  });

  it("are turned back by the opposite turn", () => {
    const quarter = augmented({ ...NOTHING, rotationRadians: Math.PI / 2 });
    const { side } = fixture;
    const bytes = bytesOf(fixture.image);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const value = (bytes[(y * side + x) * 3]! - fixture.mean[0]!) / fixture.sd[0]!;
        // Output (y, x) shows what was at (-x, y) from the middle.
        expect(quarter.image[(x * side + side - 1 - y) * 3]).toBeCloseTo(value, 4);
        expect(quarter.mask[x * side + side - 1 - y]).toBe(bytesOf(fixture.mask)[y * side + x]);
      }
    }
  });

  it("are the same in any batch and order, with all transforms, and whatever was in the arrays before", () => {
    const from = source(6);
    const everything = settings(Object.fromEntries(Object.keys(resolveAugmentation("none")).map((name) => [name, {}])));
    const fill = createBatchFiller(from, { seed: 3, augment: everything, statistics: PLAIN });
    const together = fill({ indices: Int32Array.of(0, 1, 2, 3, 4, 5), epoch: 2, repeats: null }, allocateBatch(from, 6));
    const target = allocateBatch(from, 1);
    for (const index of [4, 1, 5, 0, 3, 2]) {
      const alone = fill({ indices: Int32Array.of(index), epoch: 2, repeats: null }, target);
      expect(alone.images).toEqual(together.images.subarray(index * SIDE * SIDE * 3, (index + 1) * SIDE * SIDE * 3));
      expect(alone.masks).toEqual(together.masks.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE));
    }
    expect(together.images.every(Number.isFinite)).toBe(true);
  });

  it("are the same on every machine and in every process: these bits were met on Node 20, 22 and 24", () => {
    const from = source(6);
    const fill = createBatchFiller(from, {
      seed: 5,
      augment: resolveAugmentation("default"),
      statistics: { mean: [120.5, 99.1, 130.3], sd: [61.2, 70.4, 55.5] },
    });
    const hash = createHash("sha256");
    for (let epoch = 1; epoch <= 30; epoch++) {
      const { images, masks } = fill({ indices: Int32Array.of(0, 1, 2, 3, 4, 5), epoch, repeats: null }, allocateBatch(from, 6));
      hash.update(new Uint8Array(images.buffer)).update(masks);
    }
    expect(hash.digest("hex")).toBe("5d7d64f264ad4ec9dfad3a3c110641a7abf040d218d6dc45f0fdd242f2c55b4d");
  });

  it("survive a plain image, in which nothing varies", () => {
    const from = { ...source(1), images: new Uint8Array(SIDE * SIDE * 3).fill(7) };
    const everything = settings({ contrast: {}, gamma: { invertedProbability: 1 }, gaussianBlur: {}, lowResolution: {} });
    const { images } = createBatchFiller(from, { seed: 1, augment: everything, statistics: PLAIN })(
      { indices: Int32Array.of(0), epoch: 1, repeats: null },
      allocateBatch(from, 1),
    );
    for (const value of images) expect(value).toBeCloseTo(7, 4);
  });
});

describe("noise", () => {
  const values = new Float32Array(400_000).fill(10);
  addNormalNoise(values, 0, values.length, 2, 77);
  const z = Float64Array.from(values, (value) => (value - 10) / 2).toSorted();

  it("is normally distributed: moments, and how much lies beyond 1 to 4 deviations", () => {
    const moment = (power: number): number => z.reduce((sum, value) => sum + value ** power, 0) / z.length;
    // Standard errors: 0.0016, 0.0022, 0.0061, 0.015.
    expect(Math.abs(moment(1))).toBeLessThan(0.006);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.009);
    expect(Math.abs(moment(3))).toBeLessThan(0.025);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.06);
    const beyond = (limit: number): number => z.filter((value) => Math.abs(value) > limit).length / z.length;
    expect(beyond(1)).toBeCloseTo(0.3173, 2);
    expect(beyond(2)).toBeCloseTo(0.0455, 2);
    expect(beyond(3.5) * 1e4).toBeGreaterThan(3); // 4.65 expected, beyond where the layers end
    expect(beyond(3.5) * 1e4).toBeLessThan(6.5);
    expect(beyond(4) * 1e5).toBeGreaterThan(3); // 6.3 expected
    expect(beyond(4) * 1e5).toBeLessThan(11);
  });

  it("has no step in its distribution: the largest gap to the normal one is what chance makes", () => {
    // Kolmogorov-Smirnov: above 1.95 / √n once in a thousand.
    const normal = (x: number): number => 0.5 * (1 + erf(x / Math.SQRT2));
    const gap = z.reduce((most, value, i) => Math.max(most, Math.abs(normal(value) - (i + 0.5) / z.length)), 0);
    expect(gap * Math.sqrt(z.length)).toBeLessThan(1.95);
  });

  it("follows from its seed, and two seeds share nothing", () => {
    const draw = (seed: number): Float32Array => {
      const drawn = new Float32Array(1000);
      addNormalNoise(drawn, 0, 1000, 1, seed);
      return drawn;
    };
    expect(draw(5)).toEqual(draw(5));
    const [a, b] = [draw(5), draw(6)];
    expect(Math.abs(a.reduce((sum, value, i) => sum + value * b[i]!, 0) / 1000)).toBeLessThan(0.13); // 4 standard errors
  });
});

/** Abramowitz and Stegun 7.1.26: wrong by at most 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - poly * Math.exp(-x * x));
}
