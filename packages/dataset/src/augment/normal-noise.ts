// Adds normally distributed noise. Marsaglia and Tsang's ziggurat (J. Stat. Softw. 5(8), 2000) with 128 layers: one multiplication
// for 98.8 % of the draws, where Box-Muller takes a logarithm and a sine for each.

const LAYERS = 128;
/** Where the tail begins, and the area of every layer. */
const TAIL = 3.442619855899;
const AREA = 9.91256303526217e-3;

/** Right ends of the layers, and the density there. */
const ends = new Float64Array(LAYERS + 1);
const densities = new Float64Array(LAYERS + 1);
const densityAt = (x: number): number => Math.exp(-0.5 * x * x);
ends[0] = AREA / densityAt(TAIL);
ends[1] = TAIL;
for (let layer = 2; layer < LAYERS; layer++) {
  const previous = ends[layer - 1]!;
  ends[layer] = Math.sqrt(-2 * Math.log(AREA / previous + densityAt(previous)));
}
for (let layer = 0; layer <= LAYERS; layer++) densities[layer] = densityAt(ends[layer]!);

/** Adds a draw of its own, times `sd`, to each of the values from `start` to before `end`; the stream follows from `seed` alone. */
export function addNormalNoise(values: Float32Array, start: number, end: number, sd: number, seed: number): void {
  let state = seed | 0;
  for (let i = start; i < end; i++) {
    for (;;) {
      state = (state + STEP) | 0;
      const drawn = mix(state);
      // The layer and the place in it come from different bits.
      const layer = drawn & (LAYERS - 1);
      const place = (drawn >> 7) / 0x100_0000; // -1 to below 1
      const x = place * ends[layer]!;
      if (Math.abs(x) < ends[layer + 1]!) {
        values[i]! += sd * x;
        break;
      }
      state = (state + STEP) | 0;
      if (layer === 0) {
        values[i]! += sd * (place < 0 ? -beyondTail(state) : beyondTail(state));
        break;
      }
      if (densities[layer]! + uniform(state) * (densities[layer + 1]! - densities[layer]!) < densityAt(x)) {
        values[i]! += sd * x;
        break;
      }
    }
  }
}

/** Marsaglia's method for what is left beyond the layers; draws from a stream of its own. */
function beyondTail(seed: number): number {
  let state = mix(seed ^ STEP);
  for (;;) {
    state = (state + STEP) | 0;
    const x = -Math.log(uniform(state)) / TAIL;
    state = (state + STEP) | 0;
    if (-2 * Math.log(uniform(state)) > x * x) return TAIL + x;
  }
}

/** 2^32 over the golden ratio: a counter that steps by it visits every state. */
const STEP = 0x9e3779b9 | 0;

/** MurmurHash3's finaliser, as a signed number. */
function mix(bits: number): number {
  let h = bits;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Above 0 and below 1. */
const uniform = (state: number): number => ((mix(state) >>> 0) + 0.5) / 0x1_0000_0000;
