// Work on many items with a bound on how many are in hand at once.

/** After a failure no further item is begun; what is in hand is waited for, then the first failure is thrown. */
export async function forEachConcurrently<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  let failure: { thrown: unknown } | null = null;
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      if (failure !== null) return;
      try {
        await work(item);
      } catch (thrown) {
        failure ??= { thrown };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  if (failure !== null) throw (failure as { thrown: unknown }).thrown;
}
