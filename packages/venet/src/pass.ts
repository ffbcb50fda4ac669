// One walk through the network. Layers are written once: in training they normalise by the batch and record their gradients,
// in inference they normalise by the running averages and leave nothing behind.
import type { Engine, Tensor } from "@saphena/tf";
import type { Tape } from "./tape.ts";

export interface TrainingPass {
  readonly kind: "training";
  readonly engine: Engine;
  readonly tape: Tape;
  /** A weight in the precision of the pass. */
  weight(name: string): Tensor;
  /** A weight in float32. */
  master(name: string): Tensor;
  running(name: string): Tensor;
  /** Takes over the new running average. */
  moveRunning(name: string, value: Tensor): void;
  /** Takes over the gradient of a parameter; each parameter is used once in a network. */
  gradient(name: string, value: Tensor): void;
}

export interface InferencePass {
  readonly kind: "inference";
  readonly engine: Engine;
  weight(name: string): Tensor;
  master(name: string): Tensor;
  running(name: string): Tensor;
}

export type Pass = TrainingPass | InferencePass;
