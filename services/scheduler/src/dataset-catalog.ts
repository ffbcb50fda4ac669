// Datasets in the store: finding one by its reference, and publishing a version. Versions are numbered by create-if-absent.
import { SaphenaError, datasetKeys, datasetNameSchema, datasetRecordSchema, datasetVersionSchema } from "@saphena/contracts";
import type {
  DatasetDetail,
  DatasetRecord,
  DatasetSummary,
  DatasetVersion,
  ManifestRow,
  PublishReply,
  PublishRequest,
} from "@saphena/contracts";
import { canonicalJson, datasetRecord, formatManifest, parseManifest, mapConcurrently } from "@saphena/dataset";
import type { ObjectStore } from "@saphena/object-store";

const LANES = 32;
/** From here on one listing is cheaper than asking for each object. */
const MOST_HEADS = 64;

export type DatasetReference =
  | { name: string; by: "newest" }
  | { name: string; by: "version"; version: number }
  | { name: string; by: "hash"; hash: string };

/** Pure. `name`, `name@version` or `name@hash` (at least 8 hex digits of it). Throws DATASET_NAME_INVALID, DATASET_NOT_FOUND. */
export function parseDatasetReference(text: string): DatasetReference {
  const [name = "", suffix, ...rest] = text.split("@");
  if (!datasetNameSchema.safeParse(name).success) throw new SaphenaError("DATASET_NAME_INVALID", JSON.stringify(name));
  if (suffix === undefined) return { name, by: "newest" };
  if (rest.length === 0 && /^[1-9]\d{0,6}$/.test(suffix)) return { name, by: "version", version: Number(suffix) };
  if (rest.length === 0 && /^[0-9a-f]{8,64}$/.test(suffix)) return { name, by: "hash", hash: suffix };
  throw new SaphenaError("DATASET_NOT_FOUND", `${text}: after @ comes a version such as 2, or the first 8 or more digits of a hash`);
}

export class DatasetCatalog {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Throws DATASET_NOT_FOUND naming what there is instead. */
  async find(text: string): Promise<{ record: DatasetRecord; version: DatasetVersion }> {
    const reference = parseDatasetReference(text);
    const versions = await this.versions(reference.name);
    const version = pick(reference, versions);
    if (version === undefined) throw notFound(text, reference.name, versions);
    return { record: await this.record(reference.name, version.hash), version };
  }

  /** Of all versions there are, lowest first. */
  async versions(name: string): Promise<DatasetVersion[]> {
    const keys: string[] = [];
    for await (const { key } of this.#store.list(datasetKeys.versions(name))) keys.push(key);
    return this.#readVersions(keys);
  }

  async record(name: string, hash: string): Promise<DatasetRecord> {
    return datasetRecordSchema.parse(JSON.parse(await this.#text(datasetKeys.record(name, hash))));
  }

  async rows(name: string, hash: string): Promise<ManifestRow[]> {
    return parseManifest(await this.#text(datasetKeys.manifest(name, hash)));
  }

  async detail(text: string): Promise<DatasetDetail> {
    const { record, version } = await this.find(text);
    return { record, version, rows: await this.rows(record.name, record.hash) };
  }

  /** Every dataset with its versions, by name. */
  async all(): Promise<DatasetSummary[]> {
    const keysByName = new Map<string, string[]>();
    for await (const { key } of this.#store.list(datasetKeys.all)) {
      const name = /^datasets\/([^/]+)\/versions\/\d+\.json$/.exec(key)?.[1];
      if (name !== undefined) keysByName.set(name, [...(keysByName.get(name) ?? []), key]);
    }
    return mapConcurrently([...keysByName], LANES, async ([name, keys]) => {
      const versions = await this.#readVersions(keys);
      return { name, versions, latest: await this.record(name, versions.at(-1)!.hash) };
    });
  }

  /** Those of the hashes that are not stored yet. */
  async missing(name: string, hashes: readonly string[]): Promise<string[]> {
    const distinct = [...new Set(hashes)];
    if (distinct.length > MOST_HEADS) {
      const sizes = await this.#storedSizes(name);
      return distinct.filter((hash) => !sizes.has(hash));
    }
    const found = await mapConcurrently(distinct, LANES, (hash) => this.#store.head(datasetKeys.object(name, hash)));
    return distinct.filter((_, index) => found[index] === null);
  }

  /**
   * Idempotent: the same content again gives the version it has. Throws REQUEST_INVALID when the record does not follow from the rows,
   * OBJECT_NOT_FOUND when files are missing.
   */
  async publish(name: string, { record, rows }: PublishRequest, nowMs: number): Promise<PublishReply> {
    assertConsistent(name, record, rows);
    await this.#assertStored(name, rows);
    await this.#store.create(datasetKeys.manifest(name, record.hash), formatManifest(rows));
    await this.#store.create(datasetKeys.record(name, record.hash), canonicalJson(record));
    for (;;) {
      const versions = await this.versions(name);
      const existing = versions.find((version) => version.hash === record.hash);
      if (existing !== undefined) return { name, hash: record.hash, version: existing.version, created: false };
      const version: DatasetVersion = {
        schemaVersion: 1,
        version: (versions.at(-1)?.version ?? 0) + 1,
        hash: record.hash,
        createdAtMs: nowMs,
      };
      const outcome = await this.#store.create(datasetKeys.version(name, version.version), JSON.stringify(version));
      if (outcome === "created") return { name, hash: record.hash, version: version.version, created: true };
    }
  }

  async #assertStored(name: string, rows: readonly ManifestRow[]): Promise<void> {
    const sizes = await this.#storedSizes(name);
    const files = rows.flatMap(({ id, image, mask }) => [{ id, file: image }, ...(mask === null ? [] : [{ id, file: mask }])]);
    const absent = files.filter(({ file }) => sizes.get(file.sha256) !== file.sizeBytes);
    if (absent.length === 0) return;
    const first = absent[0]!;
    throw new SaphenaError(
      "OBJECT_NOT_FOUND",
      `${absent.length} files of ${name} are not stored, such as ${first.file.sha256} of the image ${first.id}`,
      {
        hint: "send them first: POST /api/v1/datasets/NAME/missing tells which, and `saphena dataset import` does all of it",
      },
    );
  }

  async #storedSizes(name: string): Promise<Map<string, number>> {
    const prefix = datasetKeys.object(name, "");
    const sizes = new Map<string, number>();
    for await (const { key, sizeBytes } of this.#store.list(prefix)) sizes.set(key.slice(prefix.length), sizeBytes);
    return sizes;
  }

  async #readVersions(keys: readonly string[]): Promise<DatasetVersion[]> {
    const versions = await mapConcurrently(keys, LANES, async (key) => datasetVersionSchema.parse(JSON.parse(await this.#text(key))));
    return versions.sort((a, b) => a.version - b.version);
  }

  async #text(key: string): Promise<string> {
    return Buffer.from(await this.#store.get(key)).toString();
  }
}

function pick(reference: DatasetReference, versions: readonly DatasetVersion[]): DatasetVersion | undefined {
  switch (reference.by) {
    case "newest":
      return versions.at(-1);
    case "version":
      return versions.find(({ version }) => version === reference.version);
    case "hash":
      return versions.find(({ hash }) => hash.startsWith(reference.hash));
  }
}

function notFound(text: string, name: string, versions: readonly DatasetVersion[]): SaphenaError {
  if (versions.length === 0) return new SaphenaError("DATASET_NOT_FOUND", name);
  return new SaphenaError("DATASET_NOT_FOUND", `${text}; ${name} has the versions ${versions.map(({ version }) => version).join(", ")}`);
}

/** Nothing of the record is believed: it must be what its rows make it. */
function assertConsistent(name: string, record: DatasetRecord, rows: readonly ManifestRow[]): void {
  if (record.name !== name) throw new SaphenaError("REQUEST_INVALID", `the record is of ${record.name}, the address of ${name}`);
  if (new Set(rows.map((row) => row.id)).size < rows.length) throw new SaphenaError("REQUEST_INVALID", "an id is used by several rows");
  const stranger = rows.find((row) => row.label !== null && !record.labels.includes(row.label));
  if (stranger !== undefined)
    throw new SaphenaError("REQUEST_INVALID", `the image ${stranger.id} has the label ${stranger.label}, which the dataset does not list`);
  const computed = datasetRecord(name, rows, record);
  if (computed.hash !== record.hash)
    throw new SaphenaError("REQUEST_INVALID", `the dataset's hash is ${computed.hash}, not ${record.hash}`);
  if (canonicalJson(computed) !== canonicalJson(record))
    throw new SaphenaError("REQUEST_INVALID", "the record's counts do not match its rows");
}
