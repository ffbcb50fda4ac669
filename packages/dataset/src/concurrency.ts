// Work on many items with a bound on how many are in hand at once.
import pLimit from "p-limit";

/**
 * Results in the order of the items. After a failure no further item is begun, what is in hand is waited for, and the failure of the
 * earliest item is thrown: so nothing still runs when the caller cleans up.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const limit = pLimit(concurrency);
  const results: R[] = [];
  const failures: { index: number; error: unknown }[] = [];
  await Promise.all(
    items.map((item, index) =>
      limit(async () => {
        if (failures.length > 0) return;
        try {
          results[index] = await work(item, index);
        } catch (error) {
          failures.push({ index, error });
        }
      }),
    ),
  );
  failures.sort((a, b) => a.index - b.index);
  if (failures[0] !== undefined) throw failures[0].error;
  return results;
}
