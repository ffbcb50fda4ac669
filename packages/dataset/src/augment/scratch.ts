// Room for one image's intermediate values, made once and used for every image.

export interface Scratch {
  /** One channel, [side, side]. */
  readonly plane: Float32Array;
  /** One line with what a blur needs beyond its ends. */
  readonly line: Float64Array;
  readonly kernel: Float64Array;
  /** For each row or column of an image, which one of another it is taken from, and how near the next one is. */
  readonly places: Int32Array;
  readonly shares: Float64Array;
}

/** Longest kernel of a blur is that of the largest sigma the sweep file allows, 20 pixels. */
export const MOST_KERNEL = 121;

export function createScratch(side: number): Scratch {
  return {
    plane: new Float32Array(side * side),
    line: new Float64Array(side + MOST_KERNEL),
    kernel: new Float64Array(MOST_KERNEL),
    places: new Int32Array(Math.max(side, MOST_KERNEL)),
    shares: new Float64Array(side),
  };
}
