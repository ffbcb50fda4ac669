// Datasets, checkpoints and results as objects: `file://` or `s3://`, one interface.
//
//   const store = await openStore("file:///var/lib/saphena/store");
//   await probeConditionalWrites(store);
//   if ((await store.create("sweeps/swp_1/sweep.json", record)) === "lost") throw …;
export { openStore, type OpenStoreOptions } from "./open-store.ts";
export { probeConditionalWrites } from "./probe.ts";
export type { ExpectedContent, ObjectStore, StoredObject, UploadedObject } from "./object-store.ts";
