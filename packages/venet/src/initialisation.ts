// He initialisation with a generator of our own, so that equal seeds give equal weights on every engine and machine.
import type { ParameterSpec } from "./parameters.ts";
import { elementCount } from "./parameters.ts";
import { LEAKY_SLOPE } from "./config.ts";

/**
 * The start value of one parameter. Weights are normal with mean 0 and variance 2 / ((1 + slope²)·fanIn) (He et al. 2015, eq. 14
 * with the slope of the LeakyReLU). Each parameter draws from a stream of its own, seeded by (seed, name): a network with one
 * head starts with the same encoder as one with both.
 */
export function initialValue(spec: ParameterSpec, seed: number): Float32Array {
  const values = new Float32Array(elementCount(spec.shape));
  if (spec.fanIn === null) return values.fill(spec.constant);
  const deviation = Math.sqrt(2 / ((1 + LEAKY_SLOPE ** 2) * spec.fanIn));
  const uniform = uniformStream(seed, spec.name);
  for (let index = 0; index < values.length; index += 2) {
    // Box-Muller: two uniform draws make two normal ones. 1 - u lies in (0, 1], so the logarithm is finite.
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    values[index] = radius * Math.cos(angle);
    if (index + 1 < values.length) values[index + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** Uniform numbers in [0, 1) with 32 random bits: xoshiro128** (Blackman and Vigna), its state filled from a hash of seed and name. */
export function uniformStream(seed: number, name: string): () => number {
  const next32 = hashStream(`${seed}/${name}`);
  let a = next32();
  let b = next32();
  let c = next32();
  let d = next32() | 1; // the state must not be all zero
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result / 2 ** 32;
  };
}

/** 32-bit words that depend on every character: FNV-1a, then the finaliser of MurmurHash3 on a running counter. */
function hashStream(text: string): () => number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = state;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return word ^ (word >>> 16);
  };
}

const rotateLeft = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
