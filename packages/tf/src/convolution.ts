// Convolutions and their gradients. Images are NHWC; kernels are [height, width, inputs, outputs] (HWIO).
import { booleanAttribute, INT32, intsAttribute, stringAttribute, typeAttribute } from "./attributes.ts";
import { suitsOwnKernels, typeOf } from "./element-type.ts";
import type { Engine } from "./engine.ts";
import type { OpAttribute, Tensor } from "./native.ts";

export interface ConvolutionOptions {
  stride: number;
  /** SAME pads with zeros so that, at stride 1, the size stays; VALID pads nothing. */
  padding: "SAME" | "VALID";
}

export function convolution(engine: Engine, x: Tensor, kernel: Tensor, options: ConvolutionOptions): Tensor {
  if (suitsOwnKernel(engine, kernel, kernel.shape, options)) return engine.run("SaphenaConvolution", [], x, kernel);
  return engine.run("Conv2D", attributes(x, options), x, kernel);
}

/** The gradient with respect to the input, whose shape must be given. Also serves as the transposed convolution. */
export function convolutionInputGradient(
  engine: Engine,
  inputShape: readonly number[],
  kernel: Tensor,
  gradient: Tensor,
  options: ConvolutionOptions,
): Tensor {
  if (suitsOwnKernel(engine, gradient, kernel.shape, options)) return engine.run("SaphenaConvolutionInputGradient", [], gradient, kernel);
  const sizes = engine.tensor(Int32Array.from(inputShape), [inputShape.length]);
  const result = engine.run("Conv2DBackpropInput", attributes(gradient, options), sizes, kernel, gradient);
  sizes.dispose();
  return result;
}

export function convolutionKernelGradient(
  engine: Engine,
  x: Tensor,
  kernelShape: readonly number[],
  gradient: Tensor,
  options: ConvolutionOptions,
): Tensor {
  if (suitsOwnKernel(engine, gradient, kernelShape, options)) return engine.run("SaphenaConvolutionKernelGradient", [], x, gradient);
  const sizes = engine.tensor(Int32Array.from(kernelShape), [kernelShape.length]);
  const result = engine.run("Conv2DBackpropFilter", attributes(gradient, options), x, sizes, gradient);
  sizes.dispose();
  return result;
}

/** x [n,h,w,c] with one row of zeros above and one column of zeros to the left. */
export function padTopLeft(engine: Engine, x: Tensor): Tensor {
  const paddings = engine.tensor(Int32Array.of(0, 0, 1, 0, 1, 0, 0, 0), [4, 2]);
  const result = engine.run("Pad", [typeOf(x), typeAttribute("Tpaddings", INT32)], x, paddings);
  paddings.dispose();
  return result;
}

/** x + bias along the last axis. */
export function biasAdd(engine: Engine, x: Tensor, bias: Tensor): Tensor {
  return engine.run("BiasAdd", [typeOf(x), CHANNELS_LAST], x, bias);
}

export function biasGradient(engine: Engine, gradient: Tensor): Tensor {
  return engine.run("BiasAddGrad", [typeOf(gradient), CHANNELS_LAST], gradient);
}

const CHANNELS_LAST = stringAttribute("data_format", "NHWC");

function attributes(x: Tensor, { stride, padding }: ConvolutionOptions): OpAttribute[] {
  return [
    typeOf(x),
    intsAttribute("strides", [1, stride, stride, 1]),
    booleanAttribute("use_cudnn_on_gpu", true),
    stringAttribute("padding", padding),
    CHANNELS_LAST,
    intsAttribute("dilations", [1, 1, 1, 1]),
  ];
}

/** Fewer channels leave the vectors of the own kernels half empty, and the vendor's direct convolution is faster. */
const LEAST_INPUTS = 8;

function suitsOwnKernel(
  engine: Engine,
  tensor: Tensor,
  [height, width, inputs]: readonly number[],
  { stride, padding }: ConvolutionOptions,
): boolean {
  const fits = height === 3 && width === 3 && stride === 1 && padding === "SAME" && (inputs as number) >= LEAST_INPUTS;
  return fits && suitsOwnKernels(engine, tensor);
}
