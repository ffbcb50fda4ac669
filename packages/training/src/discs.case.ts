// A packed dataset made in memory for tests: bright discs on noise; the brightness grows with the grade.
import { createPack } from "@saphena/dataset";
import type { Pack } from "@saphena/dataset";

export interface DiscOptions {
  /** Given to four images in turn; [] = no labels. */
  labels: readonly string[];
  /** Default 24. */
  images?: number;
  /** Foreground classes, given round robin; 0 = no masks. Default 1. */
  maskKinds?: number;
  /** Which images lack their mask or label; default none. */
  withoutMask?: (index: number) => boolean;
  withoutLabel?: (index: number) => boolean;
  /** Images without a disc: their mask is empty. Default none. */
  blank?: (index: number) => boolean;
}

const SIDE = 16;
const never = (): boolean => false;

export function discPack({
  labels,
  images = 24,
  maskKinds = 1,
  withoutMask = never,
  withoutLabel = never,
  blank = never,
}: DiscOptions): Pack {
  const names = Array.from({ length: images }, (_, index) => `img-${String(index).padStart(3, "0")}`);
  const pixels = new Uint8Array(images * SIDE * SIDE * 3);
  const masks = new Uint8Array(maskKinds === 0 ? 0 : images * SIDE * SIDE);
  const label = (index: number): number => (labels.length === 0 ? -1 : Math.floor(index / 4) % labels.length);
  let state = 7;
  const random = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  names.forEach((_, index) => {
    const [x0, y0, radius] = [4 + 8 * random(), 4 + 8 * random(), 2 + 2 * random()] as const;
    for (let at = 0; at < SIDE * SIDE; at++) {
      const inside = !blank(index) && ((at % SIDE) - x0) ** 2 + (Math.floor(at / SIDE) - y0) ** 2 < radius ** 2;
      const brightness = inside ? 120 + (120 * (label(index) + 1)) / Math.max(1, labels.length) : 40;
      pixels.fill(Math.min(255, brightness + 15 * random()), (index * SIDE * SIDE + at) * 3, (index * SIDE * SIDE + at + 1) * 3);
      if (inside && maskKinds > 0 && !withoutMask(index)) masks[index * SIDE * SIDE + at] = 1 + (index % maskKinds);
    }
  });
  return createPack(
    {
      datasetHash: "0".repeat(64),
      inputSize: SIDE,
      resize: "stretch",
      labelNames: labels,
      maskClasses: maskKinds === 0 ? 0 : maskKinds + 1,
      ids: names,
      groups: names.map((_, index) => `g-${index}`),
      sources: names.map(() => null),
      emptiedMasks: [],
    },
    {
      images: pixels,
      masks,
      hasMask: Uint8Array.from(names, (_, index) => (maskKinds === 0 || withoutMask(index) ? 0 : 1)),
      labels: Int32Array.from(names, (_, index) => (withoutLabel(index) ? -1 : label(index))),
      weights: new Float32Array(images).fill(1),
    },
  );
}
