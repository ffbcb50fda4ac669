// Numbers and times as a person reads them.
import type { ParameterValue } from "@saphena/contracts";

/** Scores with four places; missing ones as a dash, never as 0. */
export function score(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : value.toFixed(4);
}

export function parameter(value: ParameterValue | undefined): string {
  if (typeof value !== "number") return value === undefined ? "–" : String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function time(ms: number): string {
  return new Date(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** `train.optimizer.learningRate` is headed `learningRate`; the whole path is the tooltip. */
export function shortPath(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}
