// The live state of one sweep page: status and workers from server-sent events, the table fetched again when it changed,
// curves fetched once and then grown by the points that arrive.
import { SaphenaError } from "@saphena/contracts";
import type { Curve, LivePoints, SweepStatus, TrialRow, WorkerStatus } from "@saphena/contracts";
import { useEffect, useState } from "preact/hooks";
import { api } from "./api.ts";

export interface SweepLive {
  status: SweepStatus | null;
  trials: TrialRow[];
  workers: WorkerStatus[];
  curves: Curve[];
  error: SaphenaError | null;
}

const FETCH_AGAIN_MS = 400;

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

export function useSweepLive(id: string, name: string): SweepLive {
  const [status, setStatus] = useState<SweepStatus | null>(null);
  const [trials, setTrials] = useState<TrialRow[]>([]);
  const [workers, setWorkers] = useState<WorkerStatus[]>([]);
  const [curves, setCurves] = useState<Curve[]>([]);
  const [error, setError] = useState<SaphenaError | null>(null);

  useEffect(() => {
    const client = api();
    const leaving = new AbortController();
    const failed = (thrown: unknown): void => {
      if (!leaving.signal.aborted) setError(SaphenaError.from(thrown));
    };
    // Many changes in a moment make one fetch; the last one is never missed.
    let timer: ReturnType<typeof setTimeout> | null = null;
    const fetchTrials = (): void => {
      timer ??= setTimeout(() => {
        timer = null;
        client.trials(id).then(setTrials, failed);
      }, FETCH_AGAIN_MS);
    };
    const follow = async (): Promise<void> => {
      setStatus(await client.sweep(id));
      setCurves(await client.curves(id, name));
      fetchTrials();
      setWorkers(await client.workers());
      for await (const event of client.events(id, leaving.signal)) {
        if (event.type === "status") setStatus(event.status);
        else if (event.type === "points") setCurves((before) => growCurves(before, name, event.points));
        else if (event.type === "trials") fetchTrials();
        else if (event.workers !== null) setWorkers(event.workers);
      }
    };
    follow().catch(failed);
    return () => {
      leaving.abort();
      if (timer !== null) clearTimeout(timer);
    };
  }, [id, name]);
  return { status, trials, workers, curves, error };
}
