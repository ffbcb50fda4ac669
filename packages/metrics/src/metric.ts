// What every metric here is: counts that grow sample by sample, fold by fold, and a value computed from them whenever asked.

/**
 * `Sample` goes in, `Value` comes out. A metric keeps counts, never a running average, so that the order of samples and the
 * way they are spread over folds do not change a count-based value. No data gives null in `Value`, never 0.
 */
export interface Metric<Sample, Value> {
  reset(): void;
  update(sample: Sample): void;
  /** Adds what another metric of the same kind and shape has seen; that one stays as it is. */
  merge(other: this): void;
  compute(): Value;
}

/** Mean of the values that are there; null when none is. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const there = values.filter((value) => value !== null);
  return there.length === 0 ? null : there.reduce((sum, value) => sum + value, 0) / there.length;
}

/** 0/0 is null; anything else divides. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
