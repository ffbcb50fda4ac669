// VENet: one network that segments lesions and grades their severity.
//
//   const network = createNetwork(await loadEngine({ threads: 1 }), config, { loss, optimizer }, seed);
//   const { total } = network.trainStep(batch, 0.01);
//   const { masks, probabilities } = network.predict(images, 1);
export { loadEngine, preloadEngine, type Engine, type EngineFingerprint } from "@saphena/tf";
export type { Batch } from "./batch.ts";
export type { LossConfig, NetworkConfig, OptimizerConfig, TrainingConfig } from "./config.ts";
export { createNetwork, type Network, type Prediction, type StepLosses, type StepResult } from "./network.ts";
export { parameterCount } from "./parameters.ts";
export type { TensorRecord } from "./state.ts";
