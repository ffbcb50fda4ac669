// Convolutions on XNNPACK's forward kernel, the only fast one of the backend: both gradients are written as forward convolutions too.
// Layouts are those of ../convolution.ts: images NHWC, kernels HWIO.
import type { KernelConfig, TensorData } from "./backend.ts";
import type { WasmContext } from "./context.ts";
import { inputAt, type Attributes, type Operation } from "./operation.ts";

type Shape4 = [number, number, number, number];
/** Zeros before and after one axis of the image. */
type Padding = readonly [before: number, after: number];
type Square = { readonly stride: number; readonly padding: string };

export const conv2d: Operation = (context, inputs, attributes) => {
  const [x, kernel] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const square = squareOf(attributes);
  const [rows, columns] = paddings(x.shape, kernel.shape, square);
  return [forward(context, x, kernel, { rows, columns, stride: square.stride })];
};

export const conv2dBackpropFilter: Operation = (context, inputs, attributes) => {
  const [x, sizes, dy] = [inputAt(inputs, 0), inputAt(inputs, 1), inputAt(inputs, 2)];
  const { stride, padding } = squareOf(attributes);
  const filterShape = [...context.integers(sizes)];
  return [context.kernel("Conv2DBackpropFilter", { x, dy }, { strides: [stride, stride], pad: padding.toLowerCase(), filterShape })];
};

/**
 * Gradient of the input. At stride 1 it is the convolution of the gradient with the kernel turned by 180°. At stride s every output row y
 * (with padding p before) has a phase r = (y+p) mod s that only meets the taps r, r+s, …: so one stride-1 convolution makes all s² phases
 * as channels, and they are interleaved afterwards. Filling the gradient up with zeros instead would multiply by them, s² times the work.
 */
export const conv2dBackpropInput: Operation = (context, inputs, attributes) => {
  const [sizes, kernel, gradient] = [inputAt(inputs, 0), inputAt(inputs, 1), inputAt(inputs, 2)];
  const square = squareOf(attributes);
  const shape = [...context.integers(sizes)] as Shape4;
  const [kernelHeight, kernelWidth] = kernel.shape as Shape4;
  const [, gradientHeight, gradientWidth] = gradient.shape as Shape4;
  const [rows, columns] = paddings(shape, kernel.shape, square);
  const { stride } = square;
  const vertical = phaseGeometry(shape[1], kernelHeight, gradientHeight, rows[0], stride);
  const horizontal = phaseGeometry(shape[2], kernelWidth, gradientWidth, columns[0], stride);
  const phaseKernel = turnedPhases(context, kernel, stride, vertical.taps, horizontal.taps);
  const phases = forward(context, gradient, phaseKernel, { rows: vertical.padding, columns: horizontal.padding, stride: 1 });
  context.free(phaseKernel);
  if (stride === 1) return [phases];
  const output = interleave(context, phases, shape, stride, [rows[0], columns[0]]);
  context.free(phases);
  return [output];
};

/**
 * Gradient of the kernel, which the backend lacks. dw[i,j,ci,co] = Σ_{n,y,x} x[n, s·y+i, s·x+j, ci]·dy[n,y,x,co] is a forward convolution,
 * too: its images are the channels of x, its channels the batch, its kernel the whole of dy, dilated by the stride.
 * Measured for [8,64,64,16] → 16 by 3x3, one thread: 11 ms and 1.5 ms for turning the axes, where the forward convolution takes 8.5. Nine
 * matrix products of shifted images take 60 ms; one of the matrix of all patches 6.5 ms, but the patches have to be written first. Taking
 * the rows of dy in blocks that stay in the cache changes nothing.
 */
export const conv2dBackpropFilterKernel = (context: () => WasmContext): KernelConfig => ({
  kernelName: "Conv2DBackpropFilter",
  backendName: "wasm",
  kernelFunc: ({ inputs, attrs }) => {
    const { x, dy } = inputs as { x: TensorData; dy: TensorData };
    const { strides, pad, filterShape } = attrs as { strides: [number, number]; pad: string; filterShape: Shape4 };
    return filterGradient(context(), x, dy, filterShape, { stride: strides[0], padding: pad.toUpperCase() });
  },
});

function filterGradient(context: WasmContext, x: TensorData, dy: TensorData, filterShape: Shape4, square: Square): TensorData {
  const [rows, columns] = paddings(x.shape, filterShape, square);
  const [images, kernel] = [
    context.kernel("Transpose", { x }, { perm: [3, 1, 2, 0] }),
    context.kernel("Transpose", { x: dy }, { perm: [1, 2, 0, 3] }),
  ];
  const sums = forward(context, images, kernel, { rows, columns, stride: 1, dilation: square.stride }); // [inputs, ≥ height, ≥ width, outputs]
  context.free(images, kernel);
  const output = context.allocate(filterShape);
  const [height, width, channels, outputs] = filterShape;
  const [, sumHeight, sumWidth] = sums.shape as Shape4;
  const [from, to] = [context.floats(sums), context.floats(output)];
  let index = 0;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let channel = 0; channel < channels; channel++) {
        const start = ((channel * sumHeight + row) * sumWidth + column) * outputs;
        for (let out = 0; out < outputs; out++) to[index++] = from[start + out] as number;
      }
  context.free(sums);
  return output;
}

interface Forward {
  readonly rows: Padding;
  readonly columns: Padding;
  readonly stride: number;
  readonly dilation?: number;
}

function forward(context: WasmContext, x: TensorData, filter: TensorData, { rows, columns, stride, dilation = 1 }: Forward): TensorData {
  if (x.shape[3] !== filter.shape[2])
    throw new Error(`input depth ${x.shape[3]} of [${x.shape.join()}] is not that of the kernel [${filter.shape.join()}]`);
  return context.kernel(
    "Conv2D",
    { x, filter },
    { strides: [stride, stride], dilations: [dilation, dilation], pad: [[0, 0], rows, columns, [0, 0]], dataFormat: "NHWC" },
  );
}

/** Taps of one phase, and the padding of the gradient that gives every phase as many rows as the longest has, those before the crop too. */
function phaseGeometry(
  size: number,
  kernelSize: number,
  gradientSize: number,
  before: number,
  stride: number,
): { taps: number; padding: Padding } {
  const taps = Math.ceil(kernelSize / stride);
  if (stride === 1) return { taps, padding: [taps - 1 - before, size - gradientSize + before] };
  const rows = Math.max(Math.ceil((size + before) / stride), gradientSize);
  return { taps, padding: [taps - 1, rows - gradientSize] };
}

/** [height, width, inputs, outputs] → [taps, taps, outputs, stride²·inputs], each phase's taps in reverse, zero where the kernel has none. */
function turnedPhases(context: WasmContext, kernel: TensorData, stride: number, rowTaps: number, columnTaps: number): TensorData {
  const [height, width, inputs, outputs] = kernel.shape as Shape4;
  const result = context.allocate([rowTaps, columnTaps, outputs, stride * stride * inputs]);
  const [from, to] = [context.floats(kernel), context.floats(result)];
  let index = 0;
  for (let tapRow = rowTaps - 1; tapRow >= 0; tapRow--)
    for (let tapColumn = columnTaps - 1; tapColumn >= 0; tapColumn--)
      for (let output = 0; output < outputs; output++)
        for (let phase = 0; phase < stride * stride; phase++) {
          const row = tapRow * stride + Math.floor(phase / stride);
          const column = tapColumn * stride + (phase % stride);
          const inside = row < height && column < width;
          const start = (row * width + column) * inputs * outputs + output;
          for (let input = 0; input < inputs; input++) to[index++] = inside ? (from[start + input * outputs] as number) : 0;
        }
  return result;
}

/** [n, rows, columns, stride²·c] → `shape` [n,h,w,c], from row `skip[0]` and column `skip[1]` of the interleaved image on. */
function interleave(context: WasmContext, phases: TensorData, shape: Shape4, stride: number, skip: readonly [number, number]): TensorData {
  const output = context.allocate(shape);
  const [size, height, width, channels] = shape;
  const [, rows, columns] = phases.shape as Shape4;
  const [from, to] = [context.floats(phases), context.floats(output)];
  let index = 0;
  for (let image = 0; image < size; image++)
    for (let y = skip[0]; y < height + skip[0]; y++)
      for (let x = skip[1]; x < width + skip[1]; x++) {
        const cell = (image * rows + Math.floor(y / stride)) * columns + Math.floor(x / stride);
        const start = (cell * stride * stride + (y % stride) * stride + (x % stride)) * channels;
        for (let channel = 0; channel < channels; channel++) to[index++] = from[start + channel] as number;
      }
  return output;
}

/** The padding of rows and columns as TensorFlow computes it. */
function paddings(shape: readonly number[], kernelShape: readonly number[], { stride, padding }: Square): [Padding, Padding] {
  const along = (size: number, kernelSize: number): Padding => {
    if (padding === "VALID") return [0, 0];
    const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernelSize - size, 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  const [, height, width] = shape as Shape4;
  const [kernelHeight, kernelWidth] = kernelShape as Shape4;
  return [along(height, kernelHeight), along(width, kernelWidth)];
}

/** Stride and padding; what this engine cannot do is refused. */
function squareOf(attributes: Attributes): Square {
  const [, stride, across] = attributes.numbers("strides") as Shape4;
  const padding = attributes.string("padding");
  const plain = attributes.numbers("dilations").every((dilation) => dilation === 1) && attributes.string("data_format") === "NHWC";
  if (stride !== across || !plain || (padding !== "SAME" && padding !== "VALID"))
    throw new Error("the WASM engine convolves NHWC images with one stride, SAME or VALID padding and no dilation");
  return { stride, padding };
}
