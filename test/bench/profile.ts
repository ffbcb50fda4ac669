// Where a training step spends its time: an engine that looks like the one it wraps and counts its operations.
// On one thread an operation returns when it is computed, so the time of its call is its own; on more, and on a GPU, it is not.
import type { Engine, Tensor } from "@saphena/tf";

export interface OperationFigures {
  operation: string;
  /** Of one step, on average. */
  calls: number;
  ms: number;
  share: number;
  /** Of its results. */
  megabytes: number;
}

export interface Profile {
  engine: Engine;
  /** Forgets what was counted so far. */
  restart(): void;
  /** Averages over `steps` steps that took `stepMs` each. */
  figures(steps: number, stepMs: number): { operations: OperationFigures[]; operationsMs: number; javascriptShare: number };
}

const bytesOf = ({ shape, half }: Tensor): number => shape.reduce((size, side) => size * side, half === undefined ? 4 : 2);

export function profiled(engine: Engine): Profile {
  const totals = new Map<string, { calls: number; ms: number; bytes: number }>();
  const execute: Engine["execute"] = (operation, attributes, inputs, outputs) => {
    const beganMs = performance.now();
    const results = engine.execute(operation, attributes, inputs, outputs);
    const total = totals.get(operation) ?? { calls: 0, ms: 0, bytes: 0 };
    totals.set(operation, total);
    total.ms += performance.now() - beganMs;
    total.calls += 1;
    for (const result of results) total.bytes += bytesOf(result);
    return results;
  };
  return {
    engine: { ...engine, execute, run: (operation, attributes, ...inputs) => execute(operation, attributes, inputs, 1)[0]! },
    restart: () => totals.clear(),
    figures: (steps, stepMs) => {
      const operations = Array.from(totals, ([operation, { calls, ms, bytes }]) => ({
        operation,
        calls: calls / steps,
        ms: Number((ms / steps).toFixed(2)),
        share: Number((ms / steps / stepMs).toFixed(3)),
        megabytes: Number((bytes / steps / 1e6).toFixed(1)),
      })).sort((a, b) => b.ms - a.ms);
      const operationsMs = operations.reduce((sum, { ms }) => sum + ms, 0);
      return { operations, operationsMs, javascriptShare: Number((1 - operationsMs / stepMs).toFixed(3)) };
    },
  };
}
