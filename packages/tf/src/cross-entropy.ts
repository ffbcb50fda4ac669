// Softmax and cross-entropy in one kernel, which also yields the gradient: softmax(logits) - targets.
import { FLOAT32, typeAttribute } from "./attributes.ts";
import type { Engine } from "./engine.ts";
import type { Tensor } from "./native.ts";

const ATTRIBUTES = [typeAttribute("T", FLOAT32)];

/** `losses` [rows] and `gradient` [rows, classes] of each row's loss, for logits and targets (one-hot) of [rows, classes]. */
export function softmaxCrossEntropy(engine: Engine, logits: Tensor, targets: Tensor): { losses: Tensor; gradient: Tensor } {
  const [losses, gradient] = engine.execute("SoftmaxCrossEntropyWithLogits", ATTRIBUTES, [logits, targets], 2) as [Tensor, Tensor];
  return { losses, gradient };
}

/** Softmax over the last axis of [rows, classes]. */
export function softmax(engine: Engine, logits: Tensor): Tensor {
  return engine.run("Softmax", ATTRIBUTES, logits);
}
