// Sums and means over axes, accumulated in float64: the backend's own kernels add up in float32 one after the other, which costs
// three digits over the pixels of a batch.
import type { TensorData } from "./backend.ts";
import { broadcastStrides, forEachRow } from "./broadcast.ts";
import { elementCount, type WasmContext } from "./context.ts";
import { inputAt, type Operation } from "./operation.ts";

export const sum: Operation = (context, inputs, attributes) => [reduce(context, inputs, attributes.flag("keep_dims"), () => 1)];

export const mean: Operation = (context, inputs, attributes) => [
  reduce(context, inputs, attributes.flag("keep_dims"), (summands) => 1 / summands),
];

/** Σ over all axes but the last. */
export const biasAddGrad: Operation = (context, inputs) => {
  const gradient = inputAt(inputs, 0);
  const axes = gradient.shape.slice(0, -1).map((_, axis) => axis);
  return [sumOver(context, gradient, axes, false, () => 1)];
};

/** Σ x² / 2 over all elements. */
export const halfSquareSum: Operation = (context, inputs) => {
  const output = context.allocate([]);
  let total = 0;
  for (const value of context.floats(inputAt(inputs, 0))) total += value * value;
  context.floats(output)[0] = total / 2;
  return [output];
};

function reduce(context: WasmContext, inputs: readonly TensorData[], keep: boolean, factor: (summands: number) => number): TensorData {
  const x = inputAt(inputs, 0);
  const axes = [...context.integers(inputAt(inputs, 1))].map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  return sumOver(context, x, axes, keep, factor);
}

function sumOver(
  context: WasmContext,
  x: TensorData,
  axes: readonly number[],
  keep: boolean,
  factor: (summands: number) => number,
): TensorData {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const output = context.allocate(keep ? kept : x.shape.filter((_, axis) => !axes.includes(axis)));
  const totals = new Float64Array(elementCount(kept));
  const strides = broadcastStrides(kept);
  const values = context.floats(x);
  const width = x.shape.at(-1) ?? 1;
  const step = strides.at(-1) ?? 0;
  let index = 0;
  forEachRow(x.shape, strides, (offset) => {
    let place = offset;
    for (let column = 0; column < width; column++, place += step) totals[place] = (totals[place] as number) + (values[index++] as number);
  });
  const scale = factor(values.length / Math.max(1, totals.length));
  context.floats(output).set(totals.map((total) => total * scale));
  return output;
}
