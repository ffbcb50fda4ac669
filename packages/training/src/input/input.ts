// The batches of a run, one after the other: made beside the training by threads of their own, or by the training thread itself.
// Either way they are the same, whatever the number of threads: each follows from its request alone.
import { allocateBatch, createBatchFiller } from "@saphena/dataset";
import type { Batch, BatchRequest, BatchSource, FillOptions } from "@saphena/dataset";
import { openThreads } from "./threads.ts";

export interface InputParts extends FillOptions {
  source: BatchSource;
  /** What `next` gives, in order. Read a little ahead of that, so it may be a generator without an end. */
  requests: Iterable<BatchRequest>;
  /** Images in the largest batch. */
  batchSize: number;
  /** 0 = the calling thread fills each batch when it is asked for. */
  threads: number;
}

export interface Input {
  /**
   * The next batch; its arrays are used again once the batch after it is asked for. One call at a time.
   * Rejects with what ended a thread, if one ended, and for good.
   */
  next(): Promise<Batch>;
  /** Ends the threads, at once; a pending `next` rejects. */
  close(): Promise<void>;
}

export function openInput(parts: InputParts): Input {
  return parts.threads === 0 ? openInThread(parts) : openThreads(parts);
}

function openInThread({ source, requests, ...options }: InputParts): Input {
  const fill = createBatchFiller(source, options);
  const remaining = requests[Symbol.iterator]();
  const batches = new Map<number, Batch>();
  const batchOf = (size: number): Batch => {
    const batch = batches.get(size) ?? allocateBatch(source, size);
    batches.set(size, batch);
    return batch;
  };
  return {
    next: async () => {
      const { value, done } = remaining.next();
      if (done === true) throw new RangeError("all batches have been taken");
      return await Promise.resolve(fill(value, batchOf(value.indices.length)));
    },
    close: () => Promise.resolve(),
  };
}
