// Handles to tensors, and the scopes that dispose them.
import type { Tensor } from "../native.ts";
import type { TensorData, WasmBackend } from "./backend.ts";
import { elementCount } from "./context.ts";

export interface WasmTensor extends Tensor {
  readonly data: TensorData;
}

export interface Scopes {
  /** A handle to a tensor, whose memory it takes over, in the innermost scope. */
  open(data: TensorData): WasmTensor;
  tidy<T>(scope: () => T): T;
  keep(tensor: Tensor): Tensor;
  counts(): { tensors: number; tensorBytes: number };
}

export function createScopes(backend: WasmBackend, read: (data: TensorData) => Float32Array | Int32Array): Scopes {
  const scopes: Set<Tensor>[] = [];
  const kept = new WeakSet<Tensor>();
  const counts = { tensors: 0, tensorBytes: 0 };

  const open: Scopes["open"] = (data) => {
    let disposed = false;
    const owned = data.dtype === "resource" ? 0 : 4 * elementCount(data.shape);
    const bytes = owned > 0 && backend.refCount(data.dataId) > 1 ? 0 : owned; // counted by the one who holds it first
    const tensor: WasmTensor = {
      data,
      shape: data.shape,
      dtype: data.dtype,
      get isDisposed() {
        return disposed;
      },
      dispose: () => {
        if (disposed) return;
        disposed = true;
        counts.tensors--;
        counts.tensorBytes -= bytes;
        if (data.dtype !== "resource") backend.disposeData(data.dataId);
      },
      dataSync: () => read(data),
    };
    counts.tensors++;
    counts.tensorBytes += bytes;
    scopes.at(-1)?.add(tensor);
    return tensor;
  };

  const leave = (survivors: ReadonlySet<unknown>): void => {
    const parent = scopes.at(-2);
    for (const tensor of scopes.pop() ?? []) {
      if (tensor.isDisposed || kept.has(tensor)) continue;
      if (survivors.has(tensor)) parent?.add(tensor);
      else tensor.dispose();
    }
  };
  return {
    open,
    tidy: (scope) => {
      scopes.push(new Set());
      let survivors: ReadonlySet<unknown> = new Set();
      try {
        const result = scope();
        survivors = everythingIn(result);
        return result;
      } finally {
        leave(survivors);
      }
    },
    keep: (tensor) => {
      kept.add(tensor);
      return tensor;
    },
    counts: () => ({ ...counts }),
  };
}

/** Every object that a value holds, itself included: a scope may return tensors inside arrays and objects. */
function everythingIn(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== "object" || value === null || found.has(value) || ArrayBuffer.isView(value)) return found;
  found.add(value);
  if ("dataSync" in value) return found;
  for (const part of value instanceof Map || value instanceof Set ? value.values() : Object.values(value)) everythingIn(part, found);
  return found;
}
