// Rotation, scaling and mirroring in one resampling, so that an image is interpolated once at most: bilinear for images, nearest for
// masks, from the same places. Outside of the image is 0: the mean colour once normalised, the background of a mask.
import type { Augmentation } from "./augmentation.ts";

/** Of the place that output pixel (y, x) shows: (y0 + yy·y + yx·x, x0 + xy·y + xx·x), in pixels of the source. */
export interface Placement {
  readonly y0: number;
  readonly yy: number;
  readonly yx: number;
  readonly x0: number;
  readonly xy: number;
  readonly xx: number;
}

/** nnU-Net's: a pixel's offset from the middle is mirrored, scaled and turned. */
export function placementOf({ mirror, rotationRadians, scale }: Augmentation, side: number): Placement {
  const cos = scale * Math.cos(rotationRadians);
  const sin = scale * Math.sin(rotationRadians);
  const down = mirror.vertical ? -1 : 1;
  const right = mirror.horizontal ? -1 : 1;
  const [yy, yx, xy, xx] = [down * cos, -right * sin, down * sin, right * cos];
  const middle = (side - 1) / 2;
  return { y0: middle - middle * (yy + yx), yy, yx, x0: middle - middle * (xy + xx), xy, xx };
}

/** What makes normalised values of bytes: `byte · factor + offset`, per channel. */
export interface Normalisation {
  readonly factor: Float64Array;
  readonly offset: Float64Array;
}

/** From RGB bytes at `from` to normalised values at `to`, both [side, side, 3]. */
export function resampleImage(
  source: Uint8Array,
  from: number,
  target: Float32Array,
  to: number,
  side: number,
  { y0, yy, yx, x0, xy, xx }: Placement,
  { factor, offset }: Normalisation,
): void {
  const [fr, fg, fb] = [factor[0]!, factor[1]!, factor[2]!];
  const [or, og, ob] = [offset[0]!, offset[1]!, offset[2]!];
  const row = side * 3;
  const last = side - 1;
  let out = to;
  for (let y = 0; y < side; y++) {
    const rowY = y0 + yy * y;
    const rowX = x0 + xy * y;
    for (let x = 0; x < side; x++, out += 3) {
      const atY = rowY + yx * x;
      const atX = rowX + xx * x;
      if (!(atY > -1 && atY < side && atX > -1 && atX < side)) {
        target[out] = target[out + 1] = target[out + 2] = 0;
        continue;
      }
      const top = Math.floor(atY);
      const left = Math.floor(atX);
      const down = atY - top;
      const right = atX - left;
      // A neighbour outside has no weight, and what it lacks of the sum is taken off the offset.
      const wTop = top >= 0 ? 1 - down : 0;
      const wBottom = top < last ? down : 0;
      const wLeft = left >= 0 ? 1 - right : 0;
      const wRight = left < last ? right : 0;
      const weight = (wTop + wBottom) * (wLeft + wRight);
      const upper = from + (top >= 0 ? top : 0) * row;
      const lower = from + (top < last ? top + 1 : last) * row;
      const before = (left >= 0 ? left : 0) * 3;
      const after = (left < last ? left + 1 : last) * 3;
      const a = upper + before;
      const b = upper + after;
      const c = lower + before;
      const d = lower + after;
      const wa = wTop * wLeft;
      const wb = wTop * wRight;
      const wc = wBottom * wLeft;
      const wd = wBottom * wRight;
      target[out] = (wa * source[a]! + wb * source[b]! + wc * source[c]! + wd * source[d]!) * fr + or * weight;
      target[out + 1] = (wa * source[a + 1]! + wb * source[b + 1]! + wc * source[c + 1]! + wd * source[d + 1]!) * fg + og * weight;
      target[out + 2] = (wa * source[a + 2]! + wb * source[b + 2]! + wc * source[c + 2]! + wd * source[d + 2]!) * fb + ob * weight;
    }
  }
}

/** Classes at `from` to classes at `to`, both [side, side]. */
export function resampleMask(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  side: number,
  { y0, yy, yx, x0, xy, xx }: Placement,
): void {
  let out = to;
  for (let y = 0; y < side; y++) {
    const rowY = y0 + yy * y + 0.5;
    const rowX = x0 + xy * y + 0.5;
    for (let x = 0; x < side; x++, out++) {
      const atY = Math.floor(rowY + yx * x);
      const atX = Math.floor(rowX + xx * x);
      target[out] = atY >= 0 && atY < side && atX >= 0 && atX < side ? source[from + atY * side + atX]! : 0;
    }
  }
}
