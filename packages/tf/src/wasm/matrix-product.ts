// Products of two matrices.
import { inputAt, type Operation } from "./operation.ts";

export const matMul: Operation = (context, inputs, attributes) => {
  const [a, b] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const [transposeA, transposeB] = [attributes.flag("transpose_a"), attributes.flag("transpose_b")];
  if (a.shape[transposeA ? 0 : 1] !== b.shape[transposeB ? 1 : 0])
    throw new Error(`Incompatible shapes: [${a.shape.join()}] vs. [${b.shape.join()}]`);
  return [context.kernel("BatchMatMul", { a, b }, { transposeA, transposeB })];
};
