// A batch in memory that two threads see: one fills it, the other trains on it, and a message says whose turn it is.
import type { Batch } from "@saphena/dataset";

/** Room for a batch of `most` images of [side, side]. */
export interface SharedBatch {
  readonly memory: SharedArrayBuffer;
  readonly most: number;
  readonly side: number;
}

/** The widest values first, so that each array begins where its values may. */
const BYTES = { pixel: 3 * Float32Array.BYTES_PER_ELEMENT + 1, image: Int32Array.BYTES_PER_ELEMENT + Float32Array.BYTES_PER_ELEMENT + 1 };

export function shareBatch(most: number, side: number): SharedBatch {
  return { memory: new SharedArrayBuffer(most * (side * side * BYTES.pixel + BYTES.image)), most, side };
}

/** The arrays of a batch of `size` images in that room; both threads ask for the same size and so see the same. */
export function viewBatch({ memory, most, side }: SharedBatch, size: number): Batch {
  const pixels = side * side;
  const labelsAt = most * pixels * 12;
  const weightsAt = labelsAt + most * 4;
  const masksAt = weightsAt + most * 4;
  return {
    size,
    images: new Float32Array(memory, 0, size * pixels * 3),
    labels: new Int32Array(memory, labelsAt, size),
    weights: new Float32Array(memory, weightsAt, size),
    masks: new Uint8Array(memory, masksAt, size * pixels),
    hasMask: new Uint8Array(memory, masksAt + most * pixels, size),
  };
}
