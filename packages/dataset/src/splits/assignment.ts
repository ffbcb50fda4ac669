// Greedy assignment of units to parts so that every part gets its share of every stratum: the core of the splits, pure arithmetic.
import { shuffle } from "../random.ts";
import type { SplitUnit } from "./unit.ts";

/**
 * The part of each unit. `shares` are the wanted sizes of the parts and sum to 1; there must be at least as many units as parts.
 *
 * Minimises Σ_parts Σ_strata n²/(share·total²), which is least where every part holds its share of every stratum: units go, heaviest
 * first, where they raise it least. The size of the part counts as one more stratum, so parts stay balanced where strata cannot be.
 * scikit-learn's StratifiedGroupKFold is greedy too, by the spread of per-class shares; the tests compare the two on real counts.
 * Ties are broken by the seeded order, never by the order of the rows. O(units · parts · strata).
 */
export function assignUnits(units: readonly SplitUnit[], shares: readonly number[], seed: number): Int32Array {
  const strata = (units[0]?.counts.length ?? 0) + 1;
  const sizes = units.map((unit) => Float64Array.of(...unit.counts, unit.ids.length));
  const weights = stratumWeights(sizes, strata);
  const order = heaviestFirst(sizes, weights, seed);
  const filled = shares.map(() => new Float64Array(strata));
  const parts = new Int32Array(units.length);
  let emptyParts = shares.length;
  order.forEach((unit, done) => {
    const size = sizes[unit]!;
    const mustFillEmpty = order.length - done <= emptyParts;
    const part = cheapestPart(size, filled, shares, weights, mustFillEmpty);
    if (filled[part]![strata - 1] === 0) emptyParts--;
    for (let s = 0; s < strata; s++) filled[part]![s]! += size[s]!;
    parts[unit] = part;
  });
  return parts;
}

/** 1 / total² for every stratum that has rows. */
function stratumWeights(sizes: readonly Float64Array[], strata: number): Float64Array {
  const totals = new Float64Array(strata);
  for (const size of sizes) for (let s = 0; s < strata; s++) totals[s]! += size[s]!;
  return totals.map((total) => (total === 0 ? 0 : 1 / total ** 2));
}

function heaviestFirst(sizes: readonly Float64Array[], weights: Float64Array, seed: number): number[] {
  const weight = sizes.map((size) => size.reduce((sum, n, s) => sum + n * n * weights[s]!, 0));
  return shuffle(Array.from(sizes.keys()), seed).sort((a, b) => weight[b]! - weight[a]!);
}

function cheapestPart(
  size: Float64Array,
  filled: readonly Float64Array[],
  shares: readonly number[],
  weights: Float64Array,
  mustFillEmpty: boolean,
): number {
  let best = -1;
  let bestCost = Infinity;
  filled.forEach((held, part) => {
    if (mustFillEmpty && held[held.length - 1] !== 0) return;
    let cost = 0;
    for (let s = 0; s < size.length; s++) cost += size[s]! * (2 * held[s]! + size[s]!) * weights[s]!;
    cost /= shares[part]!;
    if (cost < bestCost) {
      bestCost = cost;
      best = part;
    }
  });
  return best;
}
