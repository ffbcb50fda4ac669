// Softmax cross-entropy of rows, with its gradient; finite for any logits.
import { inputAt, type Operation } from "./operation.ts";

/** Losses [rows] and softmax - targets [rows, classes]. loss = Σ_c t_c·(log Σ_k exp(z_k - max) - (z_c - max)). */
export const softmaxCrossEntropyWithLogits: Operation = (context, inputs) => {
  const [logits, targets] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const [rows, classes] = logits.shape as [number, number];
  if (targets.shape.join() !== logits.shape.join())
    throw new Error(`Incompatible shapes: [${logits.shape.join()}] vs. [${targets.shape.join()}]`);
  const outputs = [context.allocate([rows]), context.allocate([rows, classes])] as const;
  const [z, t] = [context.floats(logits), context.floats(targets)];
  const [losses, gradient] = [context.floats(outputs[0]), context.floats(outputs[1])];
  const exponentials = new Float64Array(classes);
  for (let row = 0, start = 0; row < rows; row++, start += classes) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) largest = Math.max(largest, z[start + c] as number);
    let total = 0;
    for (let c = 0; c < classes; c++) total += exponentials[c] = Math.exp((z[start + c] as number) - largest);
    const logTotal = Math.log(total);
    let loss = 0;
    for (let c = 0; c < classes; c++) {
      const target = t[start + c] as number;
      if (target !== 0) loss += target * (logTotal - ((z[start + c] as number) - largest));
      gradient[start + c] = (exponentials[c] as number) / total - target;
    }
    losses[row] = loss;
  }
  return [...outputs];
};

export const softmax: Operation = (context, inputs) => {
  const logits = inputAt(inputs, 0);
  return [context.kernel("Softmax", { logits }, { dim: logits.shape.length - 1 })];
};
