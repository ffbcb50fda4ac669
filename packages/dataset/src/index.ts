// From a user's files to batches of numbers: importers, splits, packing, augmentation.
//
//   const { splits, warnings } = computeSplits(rows, record.labels, spec.cv, record.hash);
//   assertNoLeak(splits, rows, spec.cv.groupBy);
export { canonicalJson, sha256 } from "./canonical-json.ts";
export { datasetHash, datasetRecord, formatManifest, maskClassCount, parseManifest, sortedById } from "./manifest.ts";
export type { DatasetMeaning } from "./manifest.ts";
export { computeSplits, splitsHash } from "./splits/splits.ts";
export { assertNoLeak, foldAt } from "./splits/leak.ts";
