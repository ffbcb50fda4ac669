// The rules of broadcasting, and a walk over a tensor that knows where each element lies in a smaller one.

/** The shape two tensors broadcast to. Throws, in TensorFlow's words, where there is none. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (left !== right && left !== 1 && right !== 1) throw new Error(`Incompatible shapes: [${a.join()}] vs. [${b.join()}]`);
    return left === 1 ? right : left;
  });
}

/** Strides of a tensor of `shape` in memory, 0 where it is only one element wide. */
export function broadcastStrides(shape: readonly number[]): number[] {
  const strides = shape.map(() => 0);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    strides[axis] = size === 1 ? 0 : stride;
    stride *= size;
  }
  return strides;
}

/**
 * Calls `row(offset)` for every run along the last axis of `shape`, in memory order, with the offset that the given strides lead to.
 * A scalar is one run.
 */
export function forEachRow(shape: readonly number[], strides: readonly number[], row: (offset: number) => void): void {
  const outer = shape.slice(0, -1);
  const position = outer.map(() => 0);
  const rows = outer.reduce((product, size) => product * size, 1);
  let offset = 0;
  for (let count = 0; count < rows; count++) {
    row(offset);
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      position[axis] = (position[axis] as number) + 1;
      offset += strides[axis] as number;
      if ((position[axis] as number) < (outer[axis] as number)) break;
      offset -= (strides[axis] as number) * (outer[axis] as number);
      position[axis] = 0;
    }
  }
}
