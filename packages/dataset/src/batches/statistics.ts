// Mean and spread of the colour channels over the training part of a fold: what images are normalised by.
import type { Pack } from "../pack.ts";

/** Per RGB channel, in units of the bytes 0-255. Kept in checkpoints: a model means nothing without them. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  /** Population standard deviation; 1 where a channel does not vary, so that dividing by it is harmless. */
  readonly sd: readonly number[];
}

/** Over all pixels of the images at `indices` (with `fit`, the white padding too), exactly: counts of byte values are whole numbers. */
export function channelStatistics(pack: Pick<Pack, "images" | "inputSize">, indices: Int32Array): ChannelStatistics {
  const length = pack.inputSize ** 2 * 3;
  const counts = [0, 1, 2].map(() => new Float64Array(256));
  const [red, green, blue] = counts as [Float64Array, Float64Array, Float64Array];
  for (const index of indices) {
    const end = (index + 1) * length;
    for (let i = index * length; i < end; i += 3) {
      red[pack.images[i]!]!++;
      green[pack.images[i + 1]!]!++;
      blue[pack.images[i + 2]!]!++;
    }
  }
  const moments = counts.map(momentsOf);
  return { mean: moments.map(({ mean }) => mean), sd: moments.map(({ sd }) => sd) };
}

function momentsOf(counts: Float64Array): { mean: number; sd: number } {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total === 0) throw new RangeError("no images to take channel statistics of");
  const mean = counts.reduce((sum, n, value) => sum + n * value, 0) / total;
  const variance = counts.reduce((sum, n, value) => sum + n * (value - mean) ** 2, 0) / total;
  return { mean, sd: variance === 0 ? 1 : Math.sqrt(variance) };
}
