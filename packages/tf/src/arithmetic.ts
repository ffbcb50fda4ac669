// Elementwise arithmetic, reductions, matrix products and reshaping of tensors of one type. Binary operations broadcast.
import { booleanAttribute, FLOAT32, INT32, intAttribute, typeAttribute } from "./attributes.ts";
import { typeOf } from "./element-type.ts";
import type { Engine } from "./engine.ts";
import type { Tensor } from "./native.ts";

export const add = (engine: Engine, a: Tensor, b: Tensor): Tensor => engine.run("AddV2", [typeOf(a)], a, b);
export const subtract = (engine: Engine, a: Tensor, b: Tensor): Tensor => engine.run("Sub", [typeOf(a)], a, b);
export const multiply = (engine: Engine, a: Tensor, b: Tensor): Tensor => engine.run("Mul", [typeOf(a)], a, b);
export const divide = (engine: Engine, a: Tensor, b: Tensor): Tensor => engine.run("RealDiv", [typeOf(a)], a, b);

/** The sum of tensors of one shape. */
export function addAll(engine: Engine, tensors: readonly Tensor[]): Tensor {
  return engine.run("AddN", [intAttribute("N", tensors.length), typeOf(tensors[0] as Tensor)], ...tensors);
}

/** Sum over `axes`. */
export function sum(engine: Engine, x: Tensor, axes: readonly number[], keepDimensions = false): Tensor {
  return reduce(engine, "Sum", x, axes, keepDimensions);
}

/** Mean over `axes`. */
export function mean(engine: Engine, x: Tensor, axes: readonly number[], keepDimensions = false): Tensor {
  return reduce(engine, "Mean", x, axes, keepDimensions);
}

/** Σ x² / 2 over all elements, a scalar. */
export function halfSquareSum(engine: Engine, x: Tensor): Tensor {
  return engine.run("L2Loss", [typeOf(x)], x);
}

/** a·b of two matrices, each transposed first if asked. */
export function matrixProduct(engine: Engine, a: Tensor, b: Tensor, transpose: { a?: boolean; b?: boolean } = {}): Tensor {
  return engine.run(
    "MatMul",
    [typeOf(a), booleanAttribute("transpose_a", transpose.a ?? false), booleanAttribute("transpose_b", transpose.b ?? false)],
    a,
    b,
  );
}

/** The same values under another shape; shares memory with x. */
export function reshape(engine: Engine, x: Tensor, shape: readonly number[]): Tensor {
  return withInts(engine, shape, (sizes) => engine.run("Reshape", [typeOf(x), typeAttribute("Tshape", INT32)], x, sizes));
}

/** x repeated to `shape` by the rules of broadcasting. */
export function broadcast(engine: Engine, x: Tensor, shape: readonly number[]): Tensor {
  return withInts(engine, shape, (sizes) => engine.run("BroadcastTo", [typeOf(x), typeAttribute("Tidx", INT32)], x, sizes));
}

/** a and b joined along the last axis. */
export function concatenateChannels(engine: Engine, a: Tensor, b: Tensor): Tensor {
  const axis = engine.tensor(Int32Array.of(a.shape.length - 1), []);
  const result = engine.run("ConcatV2", [intAttribute("N", 2), typeOf(a), typeAttribute("Tidx", INT32)], a, b, axis);
  axis.dispose();
  return result;
}

/** `count` channels of x [n,h,w,c] from channel `first` on. */
export function sliceChannels(engine: Engine, x: Tensor, first: number, count: number): Tensor {
  return slice(engine, x, [0, 0, 0, first], [-1, -1, -1, count]);
}

/** The block of x that begins at `begin`; a size of -1 reaches to the end of its axis. */
export function slice(engine: Engine, x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
  return withInts(engine, begin, (beginTensor) =>
    withInts(engine, size, (sizeTensor) => engine.run("Slice", [typeOf(x), typeAttribute("Index", INT32)], x, beginTensor, sizeTensor)),
  );
}

/** Scalars gathered into one vector, so that reading them waits for the device once. */
export function pack(engine: Engine, scalars: readonly Tensor[]): Tensor {
  return engine.run("Pack", [intAttribute("N", scalars.length), typeOf(scalars[0] as Tensor), intAttribute("axis", 0)], ...scalars);
}

/** One-hot float32 rows [rows, classes] of int32 class ids [rows]. An id outside the classes gives a row of zeros. */
export function oneHot(engine: Engine, ids: Tensor, classes: number): Tensor {
  const depth = engine.tensor(Int32Array.of(classes), []);
  const on = engine.scalar(1);
  const off = engine.scalar(0);
  const result = engine.run(
    "OneHot",
    [intAttribute("axis", -1), typeAttribute("T", FLOAT32), typeAttribute("TI", INT32)],
    ids,
    depth,
    on,
    off,
  );
  for (const tensor of [depth, on, off]) tensor.dispose();
  return result;
}

function reduce(engine: Engine, op: string, x: Tensor, axes: readonly number[], keepDimensions: boolean): Tensor {
  return withInts(engine, axes, (indices) =>
    engine.run(op, [typeOf(x), typeAttribute("Tidx", INT32), booleanAttribute("keep_dims", keepDimensions)], x, indices),
  );
}

function withInts(engine: Engine, values: readonly number[], use: (tensor: Tensor) => Tensor): Tensor {
  const tensor = engine.tensor(Int32Array.from(values), [values.length]);
  const result = use(tensor);
  tensor.dispose();
  return result;
}
