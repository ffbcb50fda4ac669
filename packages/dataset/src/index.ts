// From a user's files to batches of numbers: importers, splits, packing, augmentation.
//
//   const { splits, warnings } = computeSplits(rows, record.labels, spec.cv, record.hash);
//   assertNoLeak(splits, rows, spec.cv.groupBy);
export { canonicalJson, sha256 } from "./canonical-json.ts";
export { datasetHash, datasetRecord, formatManifest, maskClassCount, parseManifest, sortedById } from "./manifest.ts";
export type { DatasetMeaning } from "./manifest.ts";
export { computeSplits, splitsHash } from "./splits/splits.ts";
export { assertNoLeak, foldAt } from "./splits/leak.ts";
export { createPack } from "./pack.ts";
export type { Pack, PackArrays, PackDescription } from "./pack.ts";
export { packDataset } from "./decode/pack-writer.ts";
export type { PackOptions, PackedDataset } from "./decode/pack-writer.ts";
export { openPack } from "./decode/pack-reader.ts";
export { packFolderName } from "./decode/pack-file.ts";
export { decodeImage, inspectImage } from "./decode/image.ts";
export { decodeMask, inspectMask } from "./decode/mask.ts";
export type { Fitting } from "./decode/geometry.ts";
export { allocateBatch, fillBatch, mirrorOf } from "./batches/batch.ts";
export type { Batch, FillOptions, Mirror } from "./batches/batch.ts";
export { epochOrder, trainingSlices, validationSlices } from "./batches/order.ts";
export { channelStatistics } from "./batches/statistics.ts";
export type { ChannelStatistics } from "./batches/statistics.ts";
export { decodeRuns, encodeRuns } from "./run-length.ts";
