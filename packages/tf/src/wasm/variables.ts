// Resource variables. A variable holds a tensor and every update gives it a new one: the backend keeps a convolution's packed kernel for
// as long as the tensor lives it was packed from, so a change in place would convolve with yesterday's weights.
import type { TensorData } from "./backend.ts";
import type { WasmContext } from "./context.ts";
import { inputAt, type Operation } from "./operation.ts";

export const varHandle: Operation = () => [{ dataId: {}, shape: [], dtype: "resource" }];

export const readVariable: Operation = (context, inputs) => [context.share(valueOf(context, inputAt(inputs, 0)))];

export const assignVariable: Operation = (context, inputs) => {
  replace(context, inputAt(inputs, 0), context.share(inputAt(inputs, 1)));
  return [];
};

export const destroyResource: Operation = (context, inputs) => {
  const { dataId } = inputAt(inputs, 0);
  const value = context.variables.get(dataId);
  context.variables.delete(dataId);
  if (value !== undefined) context.free(value);
  return [];
};

/** accumulator = momentum·accumulator + gradient; variable -= rate·(nesterov ? gradient + momentum·accumulator : accumulator). */
export const applyMomentum: Operation = (context, inputs, attributes) => {
  const [variable, accumulator, gradient] = [inputAt(inputs, 0), inputAt(inputs, 1), inputAt(inputs, 3)];
  const [rate, momentum] = [scalar(context, inputAt(inputs, 2)), scalar(context, inputAt(inputs, 4))];
  const nesterov = attributes.flag("use_nesterov");
  update(context, [variable, accumulator], gradient, ([weights, sums], [oldWeights, oldSums], g) => {
    for (let index = 0; index < g.length; index++) {
      const slope = g[index] as number;
      const total = (sums[index] = momentum * (oldSums[index] as number) + slope);
      weights[index] = (oldWeights[index] as number) - rate * (nesterov ? slope + momentum * total : total);
    }
  });
  return [];
};

/**
 * m += (1-beta1)·(gradient - m), v += (1-beta2)·(gradient² - v), variable -= rate·√(1-beta2Power)/(1-beta1Power)·m / (√v + epsilon).
 */
export const applyAdam: Operation = (context, inputs, attributes) => {
  if (attributes.flag("use_nesterov")) throw new Error("the WASM engine has no Nesterov variant of Adam");
  const [variable, first, second, gradient] = [inputAt(inputs, 0), inputAt(inputs, 1), inputAt(inputs, 2), inputAt(inputs, 9)];
  const scalars = [3, 4, 5, 6, 7, 8].map((index) => scalar(context, inputAt(inputs, index)));
  const [beta1Power, beta2Power, learningRate, beta1, beta2, epsilon] = scalars as [number, number, number, number, number, number];
  const rate = (learningRate * Math.sqrt(1 - beta2Power)) / (1 - beta1Power);
  update(context, [variable, first, second], gradient, ([weights, means, squares], [oldWeights, oldMeans, oldSquares], g) => {
    for (let index = 0; index < g.length; index++) {
      const slope = g[index] as number;
      const mean = (means[index] = (oldMeans[index] as number) + (1 - beta1) * (slope - (oldMeans[index] as number)));
      const square = (squares[index] = (oldSquares[index] as number) + (1 - beta2) * (slope * slope - (oldSquares[index] as number)));
      weights[index] = (oldWeights[index] as number) - (rate * mean) / (Math.sqrt(square) + epsilon);
    }
  });
  return [];
};

/** variable -= rate·direction. */
export const applyGradientDescent: Operation = (context, inputs) => {
  const rate = scalar(context, inputAt(inputs, 1));
  update(context, [inputAt(inputs, 0)], inputAt(inputs, 2), ([weights], [old], direction) => {
    for (let index = 0; index < direction.length; index++) weights[index] = (old[index] as number) - rate * (direction[index] as number);
  });
  return [];
};

/** One array for each of the variables `Of`. */
type Arrays<Of extends readonly TensorData[]> = { [Key in keyof Of]: Float32Array };

/** Gives each variable a new tensor, filled by `compute(new, old, gradient)`. */
function update<const Handles extends readonly TensorData[]>(
  context: WasmContext,
  handles: Handles,
  gradient: TensorData,
  compute: (now: Arrays<Handles>, before: Arrays<Handles>, gradient: Float32Array) => void,
): void {
  const before = handles.map((handle) => valueOf(context, handle));
  for (const value of before)
    if (value.shape.join() !== gradient.shape.join())
      throw new Error(`Incompatible shapes: variable [${value.shape.join()}] vs. [${gradient.shape.join()}]`);
  const now = before.map((value) => context.allocate(value.shape));
  const arrays = (tensors: readonly TensorData[]): Arrays<Handles> => tensors.map((tensor) => context.floats(tensor)) as Arrays<Handles>;
  compute(arrays(now), arrays(before), context.floats(gradient));
  handles.forEach((handle, index) => replace(context, handle, now[index] as TensorData));
}

function replace(context: WasmContext, handle: TensorData, value: TensorData): void {
  const before = context.variables.get(handle.dataId);
  context.variables.set(handle.dataId, value);
  if (before !== undefined) context.free(before);
}

function valueOf(context: WasmContext, handle: TensorData): TensorData {
  const value = context.variables.get(handle.dataId);
  if (value === undefined) throw new Error("a variable was read before it was assigned");
  return value;
}

const scalar = (context: WasmContext, tensor: TensorData): number => context.floats(tensor)[0] as number;
