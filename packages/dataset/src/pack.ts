// A packed dataset: every image decoded once to the input size of a network, in memory, ready to be drawn from.
import { SaphenaError } from "@saphena/contracts";

/** What a pack says about itself; all lists are in the order of the images, which is by id. */
export interface PackDescription {
  readonly datasetHash: string;
  readonly inputSize: number;
  readonly resize: "stretch" | "fit";
  readonly labelNames: readonly string[];
  /** Mask classes with the background; 0 when no image has a mask. */
  readonly maskClasses: number;
  readonly ids: readonly string[];
  readonly groups: readonly string[];
  readonly sources: readonly (string | null)[];
  /** Images whose mask had foreground that was lost when it was made smaller. */
  readonly emptiedMasks: readonly string[];
}

export interface PackArrays {
  /** RGB bytes, [n, inputSize, inputSize, 3]. */
  readonly images: Uint8Array;
  /** Class per pixel, 0 = background, [n, inputSize, inputSize]; of length 0 when `maskClasses` is 0. */
  readonly masks: Uint8Array;
  /** 1 where the image has a mask; a mask that is missing is all 0 in `masks` and says nothing. */
  readonly hasMask: Uint8Array;
  /** Index into `labelNames`; -1 = missing. */
  readonly labels: Int32Array;
  readonly weights: Float32Array;
}

export interface Pack extends PackDescription, PackArrays {
  /** The place of an image; throws INTERNAL for an id that is not packed. */
  indexOf(id: string): number;
  indicesOf(ids: readonly string[]): Int32Array;
}

export function createPack(description: PackDescription, arrays: PackArrays): Pack {
  const places = new Map(description.ids.map((id, index) => [id, index]));
  const indexOf = (id: string): number => {
    const index = places.get(id);
    if (index === undefined) throw new SaphenaError("INTERNAL", `the packed dataset has no image ${id}`);
    return index;
  };
  return { ...description, ...arrays, indexOf, indicesOf: (ids) => Int32Array.from(ids, indexOf) };
}
