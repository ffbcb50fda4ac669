// The type of a tensor's elements, which TensorFlow wants named with every operation: float32, or one of two half precisions that
// convolutions, normalisation and activations of a training may be computed in. Saphena's own kernels are for float32.
import { BFLOAT16, FLOAT16, FLOAT32, booleanAttribute, typeAttribute } from "./attributes.ts";
import type { Engine } from "./engine.ts";
import type { HalfType, OpAttribute, Tensor } from "./native.ts";

export type ElementType = "float32" | HalfType;

/**
 * What half precision is worth here: `gains` = worth asking for, in time or in memory, `slow` = it works and takes longer than float32, `none` = this engine
 * cannot compute in it.
 */
export type HalfSupport = Readonly<Record<HalfType, "gains" | "slow" | "none">>;

const NUMBERS: Readonly<Record<ElementType, number>> = { float32: FLOAT32, bfloat16: BFLOAT16, float16: FLOAT16 };

/** The attribute T of an operation whose inputs have the type of `tensor`, which is float32 or half. */
export function typeOf(tensor: Tensor): OpAttribute {
  return T_ATTRIBUTES[tensor.half ?? "float32"];
}

const T_ATTRIBUTES: Readonly<Record<ElementType, OpAttribute>> = {
  float32: typeAttribute("T", FLOAT32),
  bfloat16: typeAttribute("T", BFLOAT16),
  float16: typeAttribute("T", FLOAT16),
};

/** Whether one of Saphena's own kernels may compute on this tensor. */
export function suitsOwnKernels(engine: Engine, tensor: Tensor): boolean {
  return engine.ownKernels && tensor.half === undefined;
}

/** x with its elements rounded to, or widened to, another type; always a new handle. */
export function cast(engine: Engine, x: Tensor, type: ElementType): Tensor {
  const attributes = [
    typeAttribute("SrcT", NUMBERS[x.half ?? "float32"]),
    typeAttribute("DstT", NUMBERS[type]),
    booleanAttribute("Truncate", false), // to nearest, ties to even
  ];
  return engine.run("Cast", attributes, x);
}

/** x as a tensor of `type`: itself where it is one, else a new tensor, x being disposed. */
export function converted(engine: Engine, x: Tensor, type: ElementType): Tensor {
  if ((x.half ?? "float32") === type) return x;
  const result = cast(engine, x, type);
  x.dispose();
  return result;
}

/** What half precision brings on a device, as measured on CPUs (docs/performance.md) and as NVIDIA builds its GPUs. */
export function halfSupportOf({ usesGpu, instructionSet }: { usesGpu: boolean; instructionSet: string }): HalfSupport {
  if (usesGpu) return { bfloat16: "gains", float16: "gains" };
  const hasBfloat16 = instructionSet === "avx512_bf16" || instructionSet === "amx_tile";
  return { bfloat16: hasBfloat16 ? "gains" : "slow", float16: "slow" };
}
