// The engine on WASM: for machines that native TensorFlow does not exist for. It trains the same network to the same numbers, within
// float32's rounding, some times slower.
import { SaphenaError } from "@saphena/contracts";
import type { Engine } from "../engine.ts";
import { wasmFingerprint } from "../fingerprint.ts";
import { nativeError, type Tensor } from "../native.ts";
import { startBackend, type TensorData } from "./backend.ts";
import { createContext, elementCount, type WasmContext } from "./context.ts";
import { conv2dBackpropFilterKernel } from "./convolution.ts";
import { attributesOf } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { createScopes, type WasmTensor } from "./scope.ts";

/** @throws SaphenaError ENGINE_MISSING */
export async function createWasmEngine(notice: string): Promise<Engine> {
  let context: WasmContext | undefined;
  const started = await startBackend([conv2dBackpropFilterKernel(() => context as WasmContext)]);
  const memory = (context = createContext(started));
  const { backend } = started;

  const read = (data: TensorData): Float32Array | Int32Array => {
    if (data.dtype === "resource") throw new SaphenaError("INTERNAL", "a variable's handle was read as a tensor");
    return data.dtype === "int32" ? memory.integers(data).slice() : memory.floats(data).slice();
  };
  const scopes = createScopes(backend, read);
  const execute: Engine["execute"] = (op, attributes, inputs, outputs) => {
    const operation = OPERATIONS.get(op);
    if (operation === undefined) throw new SaphenaError("INTERNAL", `the WASM engine has no operation ${op}`);
    try {
      const made = operation(memory, inputs.map(dataOf), attributesOf(attributes)).map((data) => scopes.open(data));
      const [complaint = made.length === outputs ? null : `it has ${made.length} outputs, not ${outputs}`] = started.takeComplaints();
      if (complaint === null) return made;
      for (const tensor of made) tensor.dispose();
      throw new Error(complaint);
    } catch (cause) {
      throw nativeError(op, cause);
    }
  };
  const tensor: Engine["tensor"] = (values, shape) => {
    if (values.length !== elementCount(shape))
      throw new SaphenaError("INTERNAL", `${values.length} values do not fill a tensor of [${shape.join()}]`);
    const dtype = values instanceof Int32Array ? "int32" : "float32";
    try {
      return scopes.open({ dataId: backend.write(values, shape, dtype), shape: [...shape], dtype });
    } catch (cause) {
      throw nativeError("a new tensor", cause);
    }
  };
  return {
    fingerprint: wasmFingerprint(started.version),
    notice,
    ownKernels: false,
    half: { bfloat16: "none", float16: "none" },
    execute,
    run: (op, attributes, ...inputs) => execute(op, attributes, inputs, 1)[0] as Tensor,
    tensor,
    scalar: (value) => tensor(Float32Array.of(value), []),
    read: (from) => {
      const values = from.dataSync();
      if (!(values instanceof Float32Array)) throw new SaphenaError("INTERNAL", `a ${from.dtype} tensor was read as float32`);
      return values;
    },
    tidy: (scope) => scopes.tidy(scope),
    keep: (kept) => scopes.keep(kept),
    memory: () => ({ ...scopes.counts(), rssBytes: process.memoryUsage.rss() }),
  };
}

function dataOf(tensor: Tensor): TensorData {
  if (tensor.isDisposed) throw new Error("an input is disposed");
  return (tensor as WasmTensor).data;
}
