// Every object key under the store's prefix, made in one place (DESIGN: "Objects").
import type { RunAddress } from "./ids.ts";

const pad8 = (n: number): string => String(n).padStart(8, "0");

export const datasetKeys = {
  all: "datasets/",
  prefix: (name: string): string => `datasets/${name}/`,
  object: (name: string, sha256: string): string => `datasets/${name}/objects/${sha256}`,
  versions: (name: string): string => `datasets/${name}/versions/`,
  version: (name: string, version: number): string => `datasets/${name}/versions/${version}.json`,
  manifest: (name: string, hash: string): string => `datasets/${name}/${hash}/manifest.jsonl`,
  record: (name: string, hash: string): string => `datasets/${name}/${hash}/dataset.json`,
} as const;

export const sweepKeys = {
  all: "sweeps/",
  prefix: (sweep: string): string => `sweeps/${sweep}/`,
  record: (sweep: string): string => `sweeps/${sweep}/sweep.json`,
  splits: (sweep: string): string => `sweeps/${sweep}/splits.json`,
  log: (sweep: string): string => `sweeps/${sweep}/log/`,
  /** Segments count from 1. */
  logSegment: (sweep: string, segment: number): string => `sweeps/${sweep}/log/${pad8(segment)}.jsonl`,
  trials: (sweep: string): string => `sweeps/${sweep}/trials/`,
} as const;

export const runKeys = {
  prefix: ({ sweep, trial, fold }: RunAddress): string => `sweeps/${sweep}/trials/${trial}/fold-${fold}/`,
  result: (run: RunAddress): string => `${runKeys.prefix(run)}result.json`,
  attempt: (run: RunAddress, attempt: number): string => `${runKeys.prefix(run)}attempt-${attempt}/`,
  attemptFile: (run: RunAddress, attempt: number, name: string): string => `${runKeys.attempt(run, attempt)}${name}`,
} as const;

/** `result.json` keys parse back to their run, for rebuilding the index from a listing. */
export function parseResultKey(key: string): RunAddress | null {
  const match = /^sweeps\/([^/]+)\/trials\/(\d+)\/fold-(\d+)\/result\.json$/.exec(key);
  return match === null ? null : { sweep: match[1]!, trial: Number(match[2]), fold: Number(match[3]) };
}
