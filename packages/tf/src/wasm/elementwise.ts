// Elementwise operations. Binary ones broadcast.
import { broadcastShape } from "./broadcast.ts";
import { inputAt, type Operation } from "./operation.ts";

/** A binary kernel of the backend, which checks no shapes itself. */
export const binary =
  (kernel: string): Operation =>
  (context, inputs) => {
    const [a, b] = [inputAt(inputs, 0), inputAt(inputs, 1)];
    broadcastShape(a.shape, b.shape);
    return [context.kernel(kernel, { a, b })];
  };

export const addN: Operation = (context, inputs) => [context.kernel("AddN", inputs)];

export const biasAdd: Operation = (context, inputs) => {
  const [a, b] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  if (a.shape.at(-1) !== b.shape[0]) throw new Error(`a bias of ${b.shape[0]} does not fit [${a.shape.join()}]`);
  return [context.kernel("Add", { a, b })];
};

export const leakyRelu: Operation = (context, inputs, attributes) => [
  context.kernel("LeakyRelu", { x: inputAt(inputs, 0) }, { alpha: attributes.number("alpha") }),
];

export const leakyReluGrad: Operation = (context, inputs, attributes) => {
  const [gradient, features] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const alpha = attributes.number("alpha");
  const output = context.allocate(gradient.shape);
  const [g, x, dx] = [context.floats(gradient), context.floats(features), context.floats(output)];
  for (let index = 0; index < dx.length; index++)
    dx[index] = (x[index] as number) > 0 ? (g[index] as number) : alpha * (g[index] as number);
  return [output];
};
