// Operations that move values without computing.
import type { TensorData } from "./backend.ts";
import { broadcastShape, broadcastStrides, forEachRow } from "./broadcast.ts";
import { elementCount } from "./context.ts";
import { inputAt, type Operation } from "./operation.ts";

export const reshape: Operation = (context, inputs) => {
  const x = inputAt(inputs, 0);
  const wanted = [...context.integers(inputAt(inputs, 1))];
  const known = wanted.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const shape = wanted.map((size) => (size === -1 ? elementCount(x.shape) / known : size));
  if (elementCount(shape) !== elementCount(x.shape)) throw new Error(`[${x.shape.join()}] cannot become [${wanted.join()}]`);
  return [context.share(x, shape)];
};

export const broadcastTo: Operation = (context, inputs) => {
  const x = inputAt(inputs, 0);
  const shape = [...context.integers(inputAt(inputs, 1))];
  if (broadcastShape(x.shape, shape).join() !== shape.join())
    throw new Error(`Incompatible shapes: [${x.shape.join()}] vs. [${shape.join()}]`);
  const output = context.allocate(shape);
  const aligned = [...shape.slice(x.shape.length).map(() => 1), ...x.shape];
  const strides = broadcastStrides(aligned);
  const [from, to] = [context.floats(x), context.floats(output)];
  const [width, step] = [shape.at(-1) ?? 1, strides.at(-1) ?? 0];
  let index = 0;
  forEachRow(shape, strides, (offset) => {
    for (let column = 0; column < width; column++) to[index++] = from[offset + column * step] as number;
  });
  return [output];
};

export const slice: Operation = (context, inputs) => {
  const x = inputAt(inputs, 0);
  const begin = [...context.integers(inputAt(inputs, 1))];
  const size = [...context.integers(inputAt(inputs, 2))].map((given, axis) =>
    given === -1 ? (x.shape[axis] as number) - (begin[axis] as number) : given,
  );
  if (
    size.some((length, axis) => (begin[axis] as number) < 0 || length < 0 || (begin[axis] as number) + length > (x.shape[axis] as number))
  )
    throw new Error(`[${x.shape.join()}] has no block of [${size.join()}] at [${begin.join()}]`);
  const output = context.allocate(size);
  const strides = strictStrides(x.shape);
  const start = begin.reduce((total, first, axis) => total + first * (strides[axis] as number), 0);
  const [from, to] = [context.floats(x), context.floats(output)];
  const width = size.at(-1) ?? 1;
  let index = 0;
  forEachRow(size, strides, (offset) => {
    for (let place = start + offset, end = place + width; place < end; place++) to[index++] = from[place] as number;
  });
  return [output];
};

export const pad: Operation = (context, inputs) => {
  const [x, amounts] = [inputAt(inputs, 0), context.integers(inputAt(inputs, 1))];
  const paddings = x.shape.map((_, axis) => [amounts[2 * axis], amounts[2 * axis + 1]]);
  return [context.kernel("PadV2", { x }, { paddings, constantValue: 0 })];
};

/** Joins along one axis; its index is the last input. */
export const concat: Operation = (context, inputs) => {
  const parts = inputs.slice(0, -1);
  const first = inputAt(parts, 0);
  const given = context.integers(inputAt(inputs, inputs.length - 1))[0] as number;
  const axis = given < 0 ? given + first.shape.length : given;
  const outline = (part: TensorData): string => part.shape.map((size, index) => (index === axis ? "" : size)).join();
  const odd = parts.find((part) => outline(part) !== outline(first));
  if (odd !== undefined) throw new Error(`Incompatible shapes: [${first.shape.join()}] vs. [${odd.shape.join()}]`);
  const runs = parts.map((part) => elementCount(part.shape.slice(axis)));
  const stride = runs.reduce((total, run) => total + run, 0);
  const joined = parts.reduce((total, part) => total + (part.shape[axis] as number), 0);
  const output = context.allocate(first.shape.map((size, index) => (index === axis ? joined : size)));
  const to = context.floats(output);
  let column = 0;
  parts.forEach((part, index) => {
    copyRuns(context.floats(part), to, runs[index] as number, column, stride);
    column += runs[index] as number;
  });
  return [output];
};

/** Scalars or tensors of one shape, stacked along a new first axis. */
export const pack: Operation = (context, inputs, attributes) => {
  if (attributes.number("axis") !== 0) throw new Error("the WASM engine packs along the first axis only");
  const first = inputAt(inputs, 0);
  const output = context.allocate([inputs.length, ...first.shape]);
  const to = context.floats(output);
  inputs.forEach((input, index) => to.set(context.floats(input), index * elementCount(first.shape)));
  return [output];
};

/** Rows of `on` at the id and `off` elsewhere; the classes are the new last axis. */
export const oneHot: Operation = (context, inputs, attributes) => {
  if (attributes.number("axis") !== -1) throw new Error("the WASM engine makes one-hot rows along the last axis only");
  const ids = inputAt(inputs, 0);
  const classes = context.integers(inputAt(inputs, 1))[0] as number;
  const [on, off] = [2, 3].map((index) => context.floats(inputAt(inputs, index))[0] as number) as [number, number];
  const output = context.allocate([...ids.shape, classes]);
  const to = context.floats(output).fill(off);
  context.integers(ids).forEach((id, row) => {
    if (id >= 0 && id < classes) to[row * classes + id] = on;
  });
  return [output];
};

/** Each `run` of values of `from` to where it belongs in rows of `stride`, from `column` on. Short runs are faster copied one by one. */
function copyRuns(from: Float32Array, to: Float32Array, run: number, column: number, stride: number): void {
  for (let start = 0, place = column; start < from.length; start += run, place += stride)
    for (let index = 0; index < run; index++) to[place + index] = from[start + index] as number;
}

function strictStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}
