// A small network and batches for the tests of this package.
import { loadEngine } from "@saphena/tf";
import { expect } from "vitest";
import type { Batch } from "./batch.ts";
import type { NetworkConfig, TrainingConfig } from "./config.ts";
import { uniformStream } from "./initialisation.ts";
import type { Network } from "./network.ts";

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

/** As many tensors are alive after a step, gradients and a prediction as before them, and none of the network's after dispose. */
export function expectNothingLeft(create: () => Network): void {
  const before = engine.memory().tensors;
  const network = create();
  const batch = randomBatch(network.config, 4);
  const resting = engine.memory().tensors;
  network.trainStep(batch, 0.01);
  network.gradients(batch);
  network.predict(batch.images, batch.size);
  expect(engine.memory().tensors).toBe(resting);
  network.dispose();
  expect(engine.memory().tensors).toBe(before);
}
