// A small network and batches for the tests of this package.
import { loadEngine } from "@saphena/tf";
import type { Batch } from "./batch.ts";
import type { NetworkConfig, TrainingConfig } from "./config.ts";
import { uniformStream } from "./initialisation.ts";

export const engine = await loadEngine({ threads: 1 });

export const smallConfig = (change: Partial<NetworkConfig> = {}): NetworkConfig => ({
  heads: "both",
  depth: 3,
  baseFilters: 4,
  maxFilters: 12,
  inputSize: 8,
  channels: 3,
  classes: 3,
  maskClasses: 2,
  ...change,
});

export const training = (change: Partial<TrainingConfig["loss"]> = {}): TrainingConfig => ({
  loss: { classWeight: 0.5, segmentationWeight: 1, deepSupervision: true, ...change },
  optimizer: { type: "sgd", momentum: 0.9, nesterov: true, weightDecay: 3e-5 },
});

/** Random images; labels and blocky masks of every class; all present, all of weight 1. */
export function randomBatch(config: NetworkConfig, size: number, seed = 1): Batch {
  const uniform = uniformStream(seed, "batch");
  const { inputSize: side } = config;
  const below = (limit: number): number => Math.floor(uniform() * limit);
  const masks = new Uint8Array(size * side * side);
  for (let sample = 0; sample < size; sample++) {
    const [top, left, id] = [below(side / 2), below(side / 2), 1 + below(Math.max(1, config.maskClasses - 1))];
    for (let row = top; row < top + side / 2; row++)
      masks.fill(id, (sample * side + row) * side + left, (sample * side + row) * side + left + side / 2);
  }
  return {
    size,
    images: Float32Array.from({ length: size * side * side * config.channels }, () => 2 * uniform() - 1),
    labels: Int32Array.from({ length: size }, () => below(Math.max(1, config.classes))),
    masks,
    hasMask: new Uint8Array(size).fill(1),
    weights: new Float32Array(size).fill(1),
  };
}
