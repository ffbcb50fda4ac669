// One channel as a coarser camera would have taken it: reduced by nearest neighbour, then enlarged bilinearly.
import type { Scratch } from "./scratch.ts";

/** For the channel whose first value is at `start` of interleaved RGB [side, side, 3]. */
export function coarsenChannel(values: Float32Array, start: number, side: number, zoom: number, scratch: Scratch): void {
  const small = Math.max(1, Math.round(side * zoom));
  if (small === side) return;
  reduce(values, start, side, small, scratch.plane);
  enlarge(values, start, side, small, scratch);
}

/** A pixel of the small image is the one under its middle. */
function reduce(values: Float32Array, start: number, side: number, small: number, plane: Float32Array): void {
  const step = side / small;
  for (let y = 0; y < small; y++) {
    const row = start + Math.floor((y + 0.5) * step) * side * 3;
    for (let x = 0; x < small; x++) plane[y * small + x] = values[row + Math.floor((x + 0.5) * step) * 3]!;
  }
}

/** Middles of pixels lie on each other; beyond the outermost ones their values go on. */
function enlarge(values: Float32Array, start: number, side: number, small: number, { plane, places, shares }: Scratch): void {
  const step = small / side;
  for (let i = 0; i < side; i++) {
    const at = Math.max(0, (i + 0.5) * step - 0.5);
    places[i] = Math.min(Math.floor(at), Math.max(0, small - 2));
    shares[i] = small === 1 ? 0 : Math.min(1, at - places[i]!);
  }
  const next = small === 1 ? 0 : 1;
  let to = start;
  for (let y = 0; y < side; y++) {
    const upper = places[y]! * small;
    const lower = upper + next * small;
    const down = shares[y]!;
    for (let x = 0; x < side; x++, to += 3) {
      const left = places[x]!;
      const right = shares[x]!;
      const above = plane[upper + left]! + right * (plane[upper + left + next]! - plane[upper + left]!);
      const below = plane[lower + left]! + right * (plane[lower + left + next]! - plane[lower + left]!);
      values[to] = above + down * (below - above);
    }
  }
}
