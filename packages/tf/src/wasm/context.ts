// What an operation is written with: the kernels of the backend, and memory of its own.
import type { StartedBackend, TensorData } from "./backend.ts";

export interface WasmContext {
  /** Runs a kernel of the backend by its TensorFlow.js name. The caller owns the result. */
  kernel(
    name: string,
    inputs: Readonly<Record<string, TensorData>> | readonly TensorData[],
    attrs?: Readonly<Record<string, unknown>>,
  ): TensorData;
  /** A tensor of unknown contents. */
  allocate(shape: readonly number[], dtype?: "float32" | "int32"): TensorData;
  /** The memory of tensors. Every allocation and kernel may move it: take the views when all outputs are there. */
  floats(tensor: TensorData): Float32Array;
  integers(tensor: TensorData): Int32Array;
  /** The same memory once more, under another shape if given; it is freed with its last holder. */
  share(tensor: TensorData, shape?: readonly number[]): TensorData;
  free(...tensors: TensorData[]): void;
  /** Values of the variables that are assigned, by `dataId` of the handle. */
  readonly variables: Map<object, TensorData>;
}

export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

export function createContext({ backend, kernels }: StartedBackend): WasmContext {
  return {
    kernel: (name, inputs, attrs = {}) => {
      const run = kernels.get(name);
      if (run === undefined) throw new Error(`the backend has no kernel ${name}`);
      return run({ inputs, attrs, backend });
    },
    allocate: (shape, dtype = "float32") => ({ dataId: backend.write(null, shape, dtype), shape: [...shape], dtype }),
    floats: (tensor) => new Float32Array(backend.wasm.HEAPU8.buffer, backend.getMemoryOffset(tensor.dataId), elementCount(tensor.shape)),
    integers: (tensor) => new Int32Array(backend.wasm.HEAPU8.buffer, backend.getMemoryOffset(tensor.dataId), elementCount(tensor.shape)),
    share: (tensor, shape = tensor.shape) => {
      backend.incRef(tensor.dataId);
      return { dataId: tensor.dataId, shape: [...shape], dtype: tensor.dtype };
    },
    free: (...tensors) => {
      for (const { dataId } of tensors) backend.disposeData(dataId);
    },
    variables: new Map(),
  };
}
