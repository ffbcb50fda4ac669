// What a run needs of its sweep: the fold's split and the packed dataset in the local cache. Kept per sweep, fetched once.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { assertNoLeak, packDataset, packFolderName } from "@saphena/dataset";
import { SaphenaError, datasetKeys, datasetRecordSchema, manifestRowSchema, splitsSchema, sweepKeys } from "@saphena/contracts";
import type { DatasetRecord, ManifestRow, ModelConfig, Splits, SweepRecord } from "@saphena/contracts";
import type { PackedDataset } from "@saphena/dataset";
import type { ObjectStore } from "@saphena/object-store";

interface LoadedSweep {
  record: DatasetRecord;
  rows: ManifestRow[];
  splits: Splits;
}

export interface SweepData {
  load(sweep: SweepRecord): Promise<LoadedSweep>;
  /** Folder of the packed dataset at this input size; packs it when the cache has none. */
  pack(sweep: SweepRecord, model: ModelConfig, onProgress: (done: number, total: number) => void): Promise<PackedDataset>;
}

const MOST_SWEEPS_KEPT = 16;
const DOWNLOADS_AT_ONCE = 16;

export function createSweepData(store: ObjectStore, cacheFolder: string): SweepData {
  const sweeps = new Map<string, Promise<LoadedSweep>>();
  const packs = new Map<string, Promise<PackedDataset>>();

  function load(sweep: SweepRecord): Promise<LoadedSweep> {
    return remember(sweeps, sweep.id, () => loadSweep(store, sweep));
  }

  async function pack(sweep: SweepRecord, model: ModelConfig, onProgress: (done: number, total: number) => void): Promise<PackedDataset> {
    const { record, rows } = await load(sweep);
    const name = packFolderName({ datasetHash: record.hash, inputSize: model.inputSize, resize: model.resize });
    const known = packs.get(name);
    // The cache is said to be safe to delete, also under a running worker.
    if (known !== undefined && !isWhole(await known) && packs.get(name) === known) packs.delete(name);
    return remember(packs, name, () =>
      packDataset({
        rows,
        dataset: record,
        inputSize: model.inputSize,
        resize: model.resize,
        folder: join(cacheFolder, "datasets"),
        concurrency: DOWNLOADS_AT_ONCE,
        readObject: (sha256) => store.get(datasetKeys.object(record.name, sha256), { sha256 }),
        onProgress,
      }),
    );
  }
  return { load, pack };
}

function isWhole({ folder }: PackedDataset): boolean {
  return existsSync(join(folder, "pack.json")) && existsSync(join(folder, "images.bin"));
}

/** A failed load is forgotten, so the next run tries again; the oldest entries make room. */
function remember<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  made.catch(() => cache.delete(key));
  for (const oldest of cache.keys()) {
    if (cache.size <= MOST_SWEEPS_KEPT) break;
    cache.delete(oldest);
  }
  return made;
}

async function loadSweep(store: ObjectStore, sweep: SweepRecord): Promise<LoadedSweep> {
  const { name, hash } = sweep.dataset;
  const text = async (key: string): Promise<string> => new TextDecoder().decode(await store.get(key));
  const [recordText, manifestText, splitsText] = await Promise.all([
    text(datasetKeys.record(name, hash)),
    text(datasetKeys.manifest(name, hash)),
    text(sweepKeys.splits(sweep.id)),
  ]);
  const record = datasetRecordSchema.parse(JSON.parse(recordText));
  const rows = manifestText
    .split("\n")
    .filter(Boolean)
    .map((line) => manifestRowSchema.parse(JSON.parse(line)));
  const splits = splitsSchema.parse(JSON.parse(splitsText));
  if (splits.hash !== sweep.splitsHash) throw new SaphenaError("OBJECT_CORRUPT", sweepKeys.splits(sweep.id));
  assertNoLeak(splits, rows, sweep.spec.cv.groupBy);
  return { record, rows, splits };
}
