// Loads something when the page shows it and again whenever `key` changes; keeps the last value while the next is on its way.
import { SaphenaError } from "@saphena/contracts";
import { useEffect, useState } from "preact/hooks";

export interface Loaded<T> {
  value: T | null;
  error: SaphenaError | null;
}

export function useLoaded<T>(load: () => Promise<T>, key: string): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ value: null, error: null });
  useEffect(() => {
    let current = true;
    load().then(
      (value) => current && setLoaded({ value, error: null }),
      (error: unknown) => current && setLoaded((before) => ({ value: before.value, error: SaphenaError.from(error) })),
    );
    return () => {
      current = false;
    };
  }, [key]);
  return loaded;
}

/** A number that rises every `everyMs`, for lists that have no event stream. */
export function useTick(everyMs: number): number {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick((n) => n + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return tick;
}
