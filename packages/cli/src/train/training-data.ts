// Where `saphena train` takes its dataset from: files on this machine, the store of SAPHENA_STORE, or the server.
import { SaphenaError, datasetKeys, datasetNameSchema, datasetRecordSchema, datasetVersionSchema } from "@saphena/contracts";
import type { DatasetRecord, DatasetVersion, ManifestRow } from "@saphena/contracts";
import { parseManifest } from "@saphena/dataset";
import { openStore, type ObjectStore } from "@saphena/object-store";
import { connect } from "../connection.ts";
import { cliEnvironment } from "../environment.ts";

export interface TrainingData {
  record: DatasetRecord;
  rows: readonly ManifestRow[];
  /** The content of an image or mask. */
  readObject(sha256: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The dataset that a sweep file names, from the store when one is set and else from the server. DATASET_NOT_FOUND. */
export async function namedDataset(reference: string): Promise<TrainingData> {
  const { storeUrl } = cliEnvironment();
  return storeUrl === undefined ? fromServer(reference) : fromStore(reference, await openStore(storeUrl));
}

async function fromServer(reference: string): Promise<TrainingData> {
  const client = connect();
  try {
    const { record, rows } = await client.dataset(reference);
    return { record, rows, readObject: (sha256) => client.object(record.name, sha256), close: () => Promise.resolve() };
  } catch (thrown) {
    if (!(thrown instanceof SaphenaError) || thrown.code !== "SERVER_UNREACHABLE") throw thrown;
    throw new SaphenaError("SERVER_UNREACHABLE", `the dataset ${reference} would come from ${client.url}`, {
      hint: "give the files themselves with --data manifest.csv, or set SAPHENA_STORE, or start `saphena up`",
      cause: thrown,
    });
  }
}

async function fromStore(reference: string, store: ObjectStore): Promise<TrainingData> {
  try {
    const [name = "", wanted] = reference.split("@");
    if (!datasetNameSchema.safeParse(name).success) throw new SaphenaError("DATASET_NAME_INVALID", JSON.stringify(reference));
    const version = chooseVersion(await readVersions(store, name), wanted);
    if (version === undefined) throw new SaphenaError("DATASET_NOT_FOUND", `${reference} in ${store.url}`);
    const text = async (key: string): Promise<string> => new TextDecoder().decode(await store.get(key));
    const record = datasetRecordSchema.parse(JSON.parse(await text(datasetKeys.record(name, version.hash))));
    const rows = parseManifest(await text(datasetKeys.manifest(name, version.hash)));
    return { record, rows, readObject: (sha256) => store.get(datasetKeys.object(name, sha256), { sha256 }), close: () => store.close() };
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

async function readVersions(store: ObjectStore, name: string): Promise<DatasetVersion[]> {
  const versions: DatasetVersion[] = [];
  for await (const { key } of store.list(datasetKeys.versions(name))) {
    versions.push(datasetVersionSchema.parse(JSON.parse(new TextDecoder().decode(await store.get(key)))));
  }
  return versions.sort((a, b) => b.version - a.version);
}

/** `versions` come highest first; of a hash the first 8 digits are enough, as at submit. */
export function chooseVersion(versions: readonly DatasetVersion[], wanted: string | undefined): DatasetVersion | undefined {
  if (wanted === undefined) return versions[0];
  return versions.find(({ version, hash }) => String(version) === wanted || (wanted.length >= 8 && hash.startsWith(wanted)));
}
