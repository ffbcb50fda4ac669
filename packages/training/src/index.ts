// Trains one run: from a packed dataset and a fold to checkpoints, scores, predictions and a model.
//
//   const end = await train({ engine: await loadEngine({ threads: 1 }), pack, start, report: console.error, stop: { requested: null } });
export { loadEngine, preloadEngine } from "@saphena/venet";
export { train } from "./train.ts";
export type { TrainingEnd } from "./train.ts";
export type { Report, StopSignal, TrainingParts } from "./session.ts";
export { decodeTensors, encodeTensors, readTensors, writeTensors } from "./safetensors.ts";
export type { TensorFile, WrittenFile } from "./safetensors.ts";
export { readCheckpoint } from "./checkpoint.ts";
export type { Checkpoint } from "./checkpoint.ts";
