// Gaussian blur of one channel, down and then across.
import { MOST_KERNEL } from "./scratch.ts";
import type { Scratch } from "./scratch.ts";

/** Blurs the channel whose first value is at `start` of interleaved RGB [side, side, 3]; edges are reflected without repeating them. */
export function blurChannel(values: Float32Array, start: number, side: number, down: number, across: number, scratch: Scratch): void {
  blurDown(values, start, side, fillKernel(scratch.kernel, down), scratch);
  blurAcross(values, start, side, fillKernel(scratch.kernel, across), scratch);
}

/** Into the plane of the scratch. */
function blurDown(values: Float32Array, start: number, side: number, length: number, { kernel, places, plane }: Scratch): void {
  const radius = (length - 1) / 2;
  for (let y = 0; y < side; y++) {
    for (let k = 0; k < length; k++) places[k] = start + reflected(y + k - radius, side) * side * 3;
    for (let x = 0; x < side; x++) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += kernel[k]! * values[places[k]! + x * 3]!;
      plane[y * side + x] = sum;
    }
  }
}

/** From the plane of the scratch. */
function blurAcross(values: Float32Array, start: number, side: number, length: number, { kernel, line, plane }: Scratch): void {
  const radius = (length - 1) / 2;
  for (let y = 0; y < side; y++) {
    for (let i = 0; i < side + length - 1; i++) line[i] = plane[y * side + reflected(i - radius, side)]!;
    let to = start + y * side * 3;
    for (let x = 0; x < side; x++, to += 3) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += kernel[k]! * line[x + k]!;
      values[to] = sum;
    }
  }
}

/** nnU-Net's kernel: the odd length nearest to 6·sigma + 0.5, its weights of sum 1. Gives the length. */
function fillKernel(kernel: Float64Array, sigma: number): number {
  const wished = 6 * sigma + 0.5;
  const rounded = Math.round(wished);
  const length = Math.min(MOST_KERNEL, rounded % 2 === 1 ? rounded : wished >= rounded ? rounded + 1 : rounded - 1);
  let sum = 0;
  for (let k = 0; k < length; k++) sum += kernel[k] = Math.exp(-0.5 * ((k - (length - 1) / 2) / sigma) ** 2);
  for (let k = 0; k < length; k++) kernel[k]! /= sum;
  return length;
}

/** As often as it takes: a small image may be shorter than the kernel. */
function reflected(place: number, side: number): number {
  let at = place;
  while (at < 0 || at >= side) at = at < 0 ? -at : 2 * (side - 1) - at;
  return at;
}
