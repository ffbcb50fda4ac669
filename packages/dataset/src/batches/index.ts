// `@saphena/dataset/batches`: filling batches and nothing else, for a thread that is to start at once (no image codec, no schemas).
export { allocateBatch, createBatchFiller } from "./batch.ts";
export type { Batch, BatchFiller, BatchRequest, BatchSource, FillOptions } from "./batch.ts";
