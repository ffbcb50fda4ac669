// Figures for grades that have an order: how far off a prediction is matters, not only that it is off.

/**
 * Cohen's kappa with weights ((i-j)/(K-1))², from a matrix whose rows are the truth. 1 is perfect, 0 is chance.
 * null without samples, and when both sides hold one and the same class only: 0/0.
 */
export function quadraticWeightedKappa(counts: readonly (readonly number[])[]): number | null {
  const truth = counts.map((row) => row.reduce((total, count) => total + count, 0));
  const predicted = counts.map((_, column) => counts.reduce((total, row) => total + row[column]!, 0));
  const samples = truth.reduce((total, count) => total + count, 0);
  let observed = 0;
  let expected = 0;
  // The factor 1/(K-1)² cancels.
  counts.forEach((row, i) =>
    row.forEach((count, j) => {
      observed += (i - j) ** 2 * count;
      expected += ((i - j) ** 2 * truth[i]! * predicted[j]!) / samples;
    }),
  );
  return samples === 0 || expected === 0 ? null : 1 - observed / expected;
}

/** Mean |truth - predicted| in grades; null without samples. */
export function gradeError(counts: readonly (readonly number[])[]): number | null {
  let samples = 0;
  let distance = 0;
  counts.forEach((row, i) =>
    row.forEach((count, j) => {
      samples += count;
      distance += Math.abs(i - j) * count;
    }),
  );
  return samples === 0 ? null : distance / samples;
}
