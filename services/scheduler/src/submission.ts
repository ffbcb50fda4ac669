// Taking in a sweep: checked as a whole, resolved to a dataset hash and splits, written to the store, then made live. The client makes
// the id, so a submit that is repeated, even after a crash half-way, ends as one sweep with one record.
import { SaphenaError, assertClassWeightsFit, parseSweepFile, sweepKeys, sweepRecordSchema } from "@saphena/contracts";
import type { DatasetRecord, Splits, SubmitReply, SubmitRequest, SweepRecord, SweepSpec } from "@saphena/contracts";
import { assertNoLeak, canonicalJson, computeSplits, maskClassCount } from "@saphena/dataset";
import type { ObjectStore } from "@saphena/object-store";
import type { LiveState } from "@saphena/queue";
import { assertObjectivePossible, effectiveHeads, suggestionCount } from "@saphena/sweep";
import type { DatasetCatalog } from "./dataset-catalog.ts";

export interface SubmissionParts {
  state: LiveState;
  store: ObjectStore;
  catalog: DatasetCatalog;
}

interface Resolved {
  record: SweepRecord;
  splits: Splits;
  warnings: string[];
}

/** Throws what is wrong with the file, the dataset or the splits; nothing is written then. */
export async function submitSweep(parts: SubmissionParts, { id, spec: written }: SubmitRequest): Promise<SubmitReply> {
  const spec = parseSweepFile(written);
  const earlier = await readSweepRecord(parts.store, id);
  if (earlier !== null) assertSameSpec(earlier, spec);
  let resolved = await resolve(parts, spec, earlier, id);
  if (earlier === null && (await parts.store.create(sweepKeys.record(id), JSON.stringify(resolved.record))) === "lost") {
    // Another request with this id was a moment faster: its record holds.
    const first = await readSweepRecord(parts.store, id);
    if (first === null) throw new SaphenaError("INTERNAL", `the record of ${id} exists and cannot be read`);
    assertSameSpec(first, spec);
    resolved = await resolve(parts, spec, first, id);
  }
  // Follows from the record alone, so whoever writes it writes the same.
  await parts.store.create(sweepKeys.splits(id), JSON.stringify(resolved.splits));
  const reply = await parts.state.submitSweep(resolved.record);
  return { id, created: reply === "created", warnings: resolved.warnings };
}

export async function readSweepRecord(store: ObjectStore, sweep: string): Promise<SweepRecord | null> {
  const body = await store.tryGet(sweepKeys.record(sweep));
  return body === null ? null : sweepRecordSchema.parse(JSON.parse(Buffer.from(body).toString()));
}

function assertSameSpec(earlier: SweepRecord, spec: SweepSpec): void {
  if (canonicalJson(earlier.spec) === canonicalJson(spec)) return;
  throw new SaphenaError("SWEEP_ID_TAKEN", earlier.id);
}

async function resolve({ state, catalog }: SubmissionParts, spec: SweepSpec, earlier: SweepRecord | null, id: string): Promise<Resolved> {
  const reference = earlier === null ? spec.dataset : `${earlier.dataset.name}@${earlier.dataset.hash}`;
  const { record: dataset } = await catalog.find(reference);
  const supply = { labels: dataset.labelled === 0 ? [] : dataset.labels, maskClasses: maskClassCount(dataset) };
  assertObjectivePossible(spec, supply);
  const heads = effectiveHeads(spec.model.heads, supply);
  if (heads !== "segmentation") assertClassWeightsFit(spec.train, supply.labels);
  const rows = await catalog.rows(dataset.name, dataset.hash);
  const { splits, warnings } = computeSplits(rows, dataset.labels, spec.cv, dataset.hash);
  assertNoLeak(splits, rows, spec.cv.groupBy);
  const record: SweepRecord = earlier ?? {
    schemaVersion: 1,
    id,
    spec,
    dataset: { name: dataset.name, hash: dataset.hash, ...supply },
    heads,
    splitsHash: splits.hash,
    folds: splits.folds.length,
    submittedAtMs: await state.nowMs(),
  };
  if (record.splitsHash !== splits.hash)
    throw new SaphenaError("OBJECT_CORRUPT", `the splits of ${id} do not come out as they were submitted`);
  return { record, splits, warnings: [...headWarnings(spec, heads, dataset), ...gridWarnings(spec), ...warnings] };
}

function headWarnings(spec: SweepSpec, heads: SweepRecord["heads"], dataset: DatasetRecord): string[] {
  if (spec.model.heads === heads) return [];
  const lacks = heads === "classification" ? "has no masks" : dataset.labelled === 0 ? "has no labels" : "has fewer than two labels";
  return [`${dataset.name} ${lacks}: only the ${heads} head is trained`];
}

function gridWarnings(spec: SweepSpec): string[] {
  const size = suggestionCount(spec.parameters, spec.sampler);
  return size === null || size >= spec.budget.trials
    ? []
    : [`the grid has ${size} combinations, fewer than budget.trials ${spec.budget.trials}`];
}
