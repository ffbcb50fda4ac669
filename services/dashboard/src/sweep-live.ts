// The live state of one sweep page: status and workers from server-sent events, points as they come, and table and curves read from the
// results API on connecting and whenever the table changed.
import { SaphenaError } from "@saphena/contracts";
import type { Curve, LivePoints, SweepStatus, TrialRow, WorkerStatus } from "@saphena/contracts";
import { useEffect, useState } from "preact/hooks";
import { api } from "./api.ts";

export interface SweepLive {
  status: SweepStatus | null;
  trials: TrialRow[] | null;
  workers: WorkerStatus[];
  /** null until they are read. */
  curves: Curve[] | null;
  error: SaphenaError | null;
}

const FETCH_AGAIN_MS = 400;
const CATCH_UP_MS = 1_000;
const TRY_AGAIN_MS = 3_000;

/** The curves with one run's new value put in; a value that is known already changes nothing. */
export function growCurves(curves: readonly Curve[], name: string, { trial, fold, points }: LivePoints): Curve[] {
  const value = points.values[name];
  if (value === undefined) return [...curves];
  const known = curves.find((curve) => curve.trial === trial && curve.fold === fold);
  if (known === undefined) return [...curves, { trial, fold, name, epochs: [points.epoch], values: [value] }];
  if (known.epochs.includes(points.epoch)) return [...curves];
  const grown = { ...known, epochs: [...known.epochs, points.epoch], values: [...known.values, value] };
  return curves.map((curve) => (curve === known ? grown : curve));
}

/** What was read, with what was told in the meantime: either may know points of a run that the other does not know yet. */
export function mergeCurves(read: readonly Curve[], told: readonly Curve[]): Curve[] {
  const byRun = new Map<string, Curve[]>();
  for (const curve of [...told, ...read])
    byRun.set(`${curve.trial}-${curve.fold}`, [...(byRun.get(`${curve.trial}-${curve.fold}`) ?? []), curve]);
  return [...byRun.values()].map((same) => {
    const points = [...new Map(same.flatMap(({ epochs, values }) => epochs.map((epoch, i) => [epoch, values[i]!] as const)))];
    points.sort(([a], [b]) => a - b);
    return { ...same[0]!, epochs: points.map(([epoch]) => epoch), values: points.map(([, value]) => value) };
  });
}

/** Does the table lack trials that the sweep's status counts as final? The index of results may be a moment behind. */
export function isBehind(status: SweepStatus, trials: readonly TrialRow[]): boolean {
  return (["completed", "failed", "pruned", "cancelled"] as const).some(
    (state) => trials.filter((trial) => trial.state === state).length < status.trials[state],
  );
}

export function useSweepLive(id: string, name: string): SweepLive {
  const [status, setStatus] = useState<SweepStatus | null>(null);
  const [trials, setTrials] = useState<TrialRow[] | null>(null);
  const [workers, setWorkers] = useState<WorkerStatus[]>([]);
  const [curves, setCurves] = useState<Curve[] | null>(null);
  const [error, setError] = useState<SaphenaError | null>(null);

  useEffect(() => {
    const client = api();
    const leaving = new AbortController();
    const { signal } = leaving;
    const failed = (thrown: unknown): void => {
      if (!signal.aborted) setError(SaphenaError.from(thrown));
    };
    const timers = new Set<ReturnType<typeof setTimeout>>();
    const later = (ms: number, work: () => void): void => {
      const timer = setTimeout(() => timers.delete(timer) && work(), ms);
      timers.add(timer);
    };
    let latest: SweepStatus | null = null;
    const showStatus = (now: SweepStatus): void => {
      latest = now;
      setStatus(now);
    };
    const read = async (): Promise<void> => {
      const [rows, points] = await Promise.all([client.trials(id), client.curves(id, name)]);
      if (signal.aborted) return;
      setTrials(rows);
      setCurves((told) => mergeCurves(points, told ?? []));
      setError(null);
      if (latest !== null && isBehind(latest, rows)) readSoon(CATCH_UP_MS);
    };
    // Many changes in a moment are read once; the last one is never missed.
    let isDue = false;
    const readSoon = (ms: number): void => {
      if (isDue) return;
      isDue = true;
      later(ms, () => {
        isDue = false;
        read().catch(failed);
      });
    };
    const follow = async (): Promise<void> => {
      showStatus(await client.sweep(id, signal));
      await read();
      for await (const event of client.events(id, signal)) {
        if (event.type === "status") showStatus(event.status);
        else if (event.type === "points") setCurves((before) => growCurves(before ?? [], name, event.points));
        else if (event.type === "trials") readSoon(FETCH_AGAIN_MS);
        else if (event.workers !== null) setWorkers(event.workers);
        setError(null);
      }
    };
    const keepFollowing = (): void => {
      follow().catch((thrown: unknown) => {
        failed(thrown);
        if (SaphenaError.from(thrown).retryable) later(TRY_AGAIN_MS, keepFollowing);
      });
    };
    setCurves(null);
    keepFollowing();
    return () => {
      leaving.abort();
      for (const timer of timers) clearTimeout(timer);
    };
  }, [id, name]);
  return { status, trials, workers, curves, error };
}
