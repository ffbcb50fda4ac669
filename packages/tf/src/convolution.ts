// Convolutions and their gradients. Images are NHWC; kernels are [height, width, inputs, outputs] (HWIO).
import { booleanAttribute, FLOAT32, INT32, intsAttribute, stringAttribute, typeAttribute } from "./attributes.ts";
import type { Engine } from "./engine.ts";
import type { OpAttribute, Tensor } from "./native.ts";

export interface ConvolutionOptions {
  stride: number;
  /** SAME pads with zeros so that, at stride 1, the size stays; VALID pads nothing. */
  padding: "SAME" | "VALID";
}

export function convolution(engine: Engine, x: Tensor, kernel: Tensor, options: ConvolutionOptions): Tensor {
  if (suitsOwnKernel(engine, kernel.shape, options)) return engine.run("SaphenaConvolution", [], x, kernel);
  return engine.run("Conv2D", attributes(options), x, kernel);
}

/** The gradient with respect to the input, whose shape must be given. Also serves as the transposed convolution. */
export function convolutionInputGradient(
  engine: Engine,
  inputShape: readonly number[],
  kernel: Tensor,
  gradient: Tensor,
  options: ConvolutionOptions,
): Tensor {
  if (suitsOwnKernel(engine, kernel.shape, options)) return engine.run("SaphenaConvolutionInputGradient", [], gradient, kernel);
  const sizes = engine.tensor(Int32Array.from(inputShape), [inputShape.length]);
  const result = engine.run("Conv2DBackpropInput", attributes(options), sizes, kernel, gradient);
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
  if (suitsOwnKernel(engine, kernelShape, options)) return engine.run("SaphenaConvolutionKernelGradient", [], x, gradient);
  const sizes = engine.tensor(Int32Array.from(kernelShape), [kernelShape.length]);
  const result = engine.run("Conv2DBackpropFilter", attributes(options), x, sizes, gradient);
  sizes.dispose();
  return result;
}

/** x [n,h,w,c] with one row of zeros above and one column of zeros to the left. */
export function padTopLeft(engine: Engine, x: Tensor): Tensor {
  const paddings = engine.tensor(Int32Array.of(0, 0, 1, 0, 1, 0, 0, 0), [4, 2]);
  const result = engine.run("Pad", [typeAttribute("T", FLOAT32), typeAttribute("Tpaddings", INT32)], x, paddings);
  paddings.dispose();
  return result;
}

/** x + bias along the last axis. */
export function biasAdd(engine: Engine, x: Tensor, bias: Tensor): Tensor {
  return engine.run("BiasAdd", BIAS_ATTRIBUTES, x, bias);
}

export function biasGradient(engine: Engine, gradient: Tensor): Tensor {
  return engine.run("BiasAddGrad", BIAS_ATTRIBUTES, gradient);
}

const BIAS_ATTRIBUTES = [typeAttribute("T", FLOAT32), stringAttribute("data_format", "NHWC")];

function attributes({ stride, padding }: ConvolutionOptions): OpAttribute[] {
  return [
    typeAttribute("T", FLOAT32),
    intsAttribute("strides", [1, stride, stride, 1]),
    booleanAttribute("use_cudnn_on_gpu", true),
    stringAttribute("padding", padding),
    stringAttribute("data_format", "NHWC"),
    intsAttribute("dilations", [1, 1, 1, 1]),
  ];
}

/** Fewer channels leave the vectors of the own kernels half empty, and the vendor's direct convolution is faster. */
const LEAST_INPUTS = 8;

function suitsOwnKernel(engine: Engine, [height, width, inputs]: readonly number[], { stride, padding }: ConvolutionOptions): boolean {
  return engine.ownKernels && height === 3 && width === 3 && stride === 1 && padding === "SAME" && (inputs as number) >= LEAST_INPUTS;
}
