// Where every draw of this package comes from: a hash of names and numbers, never a shared stream, a clock or an id.
import { createHash } from "node:crypto";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";

function digest(parts: readonly (string | number)[]): Buffer {
  return createHash("sha256").update(JSON.stringify(parts)).digest();
}

/**
 * The seed of a run: the first 32 bits of sha256 of (train seed, fold). The same for every trial, so that configurations meet equal
 * draws, and for every attempt, so that a retry gives the same numbers.
 */
export function runSeed(trainSeed: number, fold: number): number {
  return digest(["run", trainSeed, fold]).readUInt32BE(0);
}

/**
 * Draws in [0, 1) for one parameter of one suggestion. Each (seed, number, path) has a generator of its own, so adding or removing a
 * parameter does not shift the others.
 */
export function parameterDraws(samplerSeed: number, number: number, path: string): () => number {
  const bytes = digest(["parameter", samplerSeed, number, path]);
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((at) => bytes.readInt32BE(at)));
  return () => uniformFloat64(generator);
}
