// The figures of a benchmark in few digits: a measurement never carries more than four.

export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** Of one value or more. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const median = ((sorted[Math.ceil(half) - 1] as number) + (sorted[Math.floor(half)] as number)) / 2;
  return { min: figuresOf(sorted[0] as number), median: figuresOf(median), max: figuresOf(sorted.at(-1) as number) };
}

export function figuresOf(value: number): number {
  return Number(value.toPrecision(4));
}
