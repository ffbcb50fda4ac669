// What the training thread and the threads that fill its batches tell each other.
import type { BatchRequest, BatchSource, FillOptions } from "@saphena/dataset";
import type { SharedBatch } from "./shared-batch.ts";

/** Given to a thread when it starts. */
export interface FillerStart {
  readonly source: BatchSource;
  readonly options: FillOptions;
  readonly room: readonly SharedBatch[];
}

/** To a thread: fill this place of the room. */
export interface FillOrder {
  /** Of the batch, from 0. */
  readonly number: number;
  readonly place: number;
  readonly request: BatchRequest;
}

/** From a thread: the batch of this number is complete. */
export type Filled = number;
