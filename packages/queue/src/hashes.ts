// Redis hashes to records. The sweep's own record never changes, so it is parsed once and kept.
import { SaphenaError, liveRunSchema, liveSweepSchema, liveTrialSchema, sweepRecordSchema, workerStatusSchema } from "@saphena/contracts";
import type { LiveRun, LiveSweep, LiveTrial, SweepRecord, WorkerStatus } from "@saphena/contracts";
import type { z } from "zod";

export type Hash = Record<string, string>;
const countersSchema = liveSweepSchema.omit({ record: true });

/** Sweep records by their JSON text, the newest 100. */
export class SweepRecords {
  readonly #parsed = new Map<string, SweepRecord>();

  parse(text: string): SweepRecord {
    const known = this.#parsed.get(text);
    if (known !== undefined) return known;
    const record = parsed(sweepRecordSchema, JSON.parse(text), "sweep record");
    this.#parsed.set(text, record);
    if (this.#parsed.size > 100) this.#parsed.delete(this.#parsed.keys().next().value!);
    return record;
  }
}

export function sweepFrom(hash: Hash, records: SweepRecords): LiveSweep | null {
  if (hash["record"] === undefined) return null;
  return { ...parsed(countersSchema, hash, "sweep"), record: records.parse(hash["record"]) };
}

export function trialFrom(hash: Hash): LiveTrial | null {
  return hash["number"] === undefined ? null : parsed(liveTrialSchema, hash, "trial");
}

export function runFrom(hash: Hash): LiveRun | null {
  return hash["id"] === undefined ? null : parsed(liveRunSchema, hash, "run");
}

/** null when it was removed meanwhile. */
export function workerFrom(hash: Hash): WorkerStatus | null {
  if (hash["id"] === undefined) return null;
  const { slots, pid, lastSeenMs, running, devices } = hash;
  const numbers = { slots: Number(slots), pid: Number(pid), lastSeenMs: Number(lastSeenMs) };
  const lists: Record<string, unknown> = { running: JSON.parse(running ?? "[]"), devices: JSON.parse(devices ?? "[]") };
  return parsed(workerStatusSchema, { ...hash, ...numbers, ...lists }, "worker");
}

/** HGETALL as Lua returns it: name, value, name, value… */
export function hashFrom(flat: readonly unknown[]): Hash {
  const hash: Hash = {};
  for (let at = 0; at + 1 < flat.length; at += 2) hash[String(flat[at])] = String(flat[at + 1]);
  return hash;
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const outcome = schema.safeParse(value);
  if (!outcome.success) throw new SaphenaError("INTERNAL", `a ${what} in Redis is not readable: ${outcome.error.message}`);
  return outcome.data;
}
