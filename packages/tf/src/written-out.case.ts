// What the kernels compute, written out in float64 with nothing but loops and the four operations: convolution with both gradients, batch
// normalisation with LeakyReLU composed of elementary steps and differentiated one by one, and softmax with cross-entropy.

/** Values of one result, and the largest sum of magnitudes that went into any of them: what rounding is relative to. */
export interface WrittenOut {
  values: Float64Array;
  magnitude: number;
}

export interface ConvolutionShape {
  n: number;
  height: number;
  width: number;
  inputs: number;
  outputs: number;
  kernel: number;
  stride: number;
  padding: "SAME" | "VALID";
}

/** Height and width of the output, and rows and columns of zeros before the input, by TensorFlow's rule. */
export function geometryOf({ height, width, kernel, stride, padding }: ConvolutionShape): {
  out: [number, number];
  before: [number, number];
} {
  const along = (size: number): [number, number] => {
    if (padding === "VALID") return [Math.floor((size - kernel) / stride) + 1, 0];
    const out = Math.ceil(size / stride);
    return [out, Math.floor(Math.max(0, (out - 1) * stride + kernel - size) / 2)];
  };
  const [rows, columns] = [along(height), along(width)];
  return { out: [rows[0], columns[0]], before: [rows[1], columns[1]] };
}

type Wanted = "output" | "input gradient" | "kernel gradient";

/** y = conv(x, kernel), or the gradient of Σ gradient·y with respect to x or to the kernel. */
export function convolutionWrittenOut(
  shape: ConvolutionShape,
  wanted: Wanted,
  arrays: Record<"x" | "kernel" | "gradient", Float32Array>,
): WrittenOut {
  const result = wanted === "output" ? arrays.gradient : wanted === "input gradient" ? arrays.x : arrays.kernel;
  const [values, magnitudes] = [new Float64Array(result.length), new Float64Array(result.length)];
  const { x, kernel, gradient } = arrays;
  forTaps(shape, (atX, atKernel, atY) => {
    const [a, b, c] = [x[atX] as number, kernel[atKernel] as number, gradient[atY] as number];
    const [at, product] = wanted === "output" ? [atY, a * b] : wanted === "input gradient" ? [atX, b * c] : [atKernel, a * c];
    values[at] = (values[at] as number) + product;
    magnitudes[at] = (magnitudes[at] as number) + Math.abs(product);
  });
  return { values, magnitude: largest(magnitudes) };
}

/** Calls `tap` for every product of the convolution, with its places in x, in the kernel and in y. */
function forTaps(shape: ConvolutionShape, tap: (x: number, kernel: number, y: number) => void): void {
  const { n, height, width, inputs, outputs, kernel, stride } = shape;
  const { out, before } = geometryOf(shape);
  for (let place = 0; place < n * out[0] * out[1] * kernel * kernel; place++) {
    const [offset, pixel] = [place % (kernel * kernel), Math.floor(place / (kernel * kernel))];
    const [image, outRow, outColumn] = [Math.floor(pixel / (out[0] * out[1])), Math.floor(pixel / out[1]) % out[0], pixel % out[1]];
    const row = outRow * stride + Math.floor(offset / kernel) - before[0];
    const column = outColumn * stride + (offset % kernel) - before[1];
    if (row < 0 || column < 0 || row >= height || column >= width) continue;
    for (let input = 0; input < inputs; input++)
      for (let output = 0; output < outputs; output++)
        tap(
          ((image * height + row) * width + column) * inputs + input,
          (offset * inputs + input) * outputs + output,
          pixel * outputs + output,
        );
  }
}

export interface NormWrittenOut {
  output: Float64Array;
  runningMean: Float64Array;
  runningVariance: Float64Array;
  gradients: { x: Float64Array; scale: Float64Array; offset: Float64Array };
}

/**
 * y = leaky((x - mean) / sqrt(variance + epsilon)·scale + offset) over x [rows, channels] by the rows' own mean and variance, the running
 * averages after it (with the unbiased variance), and the gradients of Σ gradient·y, each step differentiated by itself: LeakyReLU, scale and
 * offset, division by the deviation, variance, mean.
 */
export function normWrittenOut(
  arrays: Record<"x" | "gradient" | "scale" | "offset" | "mean" | "variance", Float32Array>,
  options: { epsilon: number; momentum: number; slope: number },
): NormWrittenOut {
  const { x, gradient, scale, offset } = arrays;
  const [channels, rows] = [scale.length, x.length / scale.length];
  const empty = (size: number): Float64Array => new Float64Array(size);
  const result: NormWrittenOut = {
    output: empty(x.length),
    runningMean: empty(channels),
    runningVariance: empty(channels),
    gradients: { x: empty(x.length), scale: empty(channels), offset: empty(channels) },
  };
  for (let channel = 0; channel < channels; channel++) {
    const [factor, shift] = [scale[channel] as number, offset[channel] as number];
    const places = Array.from({ length: rows }, (_, row) => row * channels + channel);
    const mean = sumOf(places, (at) => x[at] as number) / rows;
    const centred = (at: number): number => (x[at] as number) - mean;
    const variance = sumOf(places, (at) => centred(at) ** 2) / rows;
    const deviation = Math.sqrt(variance + options.epsilon);
    const before = (at: number): number => (centred(at) / deviation) * factor + shift;
    const linear = (at: number): number => (gradient[at] as number) * (before(at) > 0 ? 1 : options.slope);
    // dL/dnormalised = linear·factor, hence of the deviation, of the variance, and of the mean (through the centred values; the variance's own
    // derivative with respect to the mean is a sum of centred values, 0).
    const ofDeviation = -sumOf(places, (at) => (linear(at) * factor * centred(at)) / deviation ** 2);
    const ofVariance = ofDeviation / (2 * deviation);
    const ofMean = -sumOf(places, (at) => (linear(at) * factor) / deviation);
    for (const at of places) {
      result.output[at] = before(at) > 0 ? before(at) : options.slope * before(at);
      result.gradients.x[at] = (linear(at) * factor) / deviation + (ofVariance * 2 * centred(at)) / rows + ofMean / rows;
    }
    result.gradients.scale[channel] = sumOf(places, (at) => (linear(at) * centred(at)) / deviation);
    result.gradients.offset[channel] = sumOf(places, linear);
    result.runningMean[channel] = (1 - options.momentum) * (arrays.mean[channel] as number) + options.momentum * mean;
    result.runningVariance[channel] =
      (1 - options.momentum) * (arrays.variance[channel] as number) + (options.momentum * variance * rows) / (rows - 1);
  }
  return result;
}

/** Cross-entropy of each row of logits [rows, classes] against its class, and the gradient of each with respect to its logits. */
export function crossEntropyWrittenOut(
  logits: Float32Array,
  ids: Int32Array,
  classes: number,
): { losses: Float64Array; gradient: Float64Array } {
  const losses = new Float64Array(ids.length);
  const gradient = new Float64Array(logits.length);
  ids.forEach((id, row) => {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    const top = largest(own);
    const total = own.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
    losses[row] = Math.log(total) - ((own[id] as number) - top);
    own.forEach((logit, index) => (gradient[row * classes + index] = Math.exp(logit - top) / total - (index === id ? 1 : 0)));
  });
  return { losses, gradient };
}

const sumOf = (places: readonly number[], value: (at: number) => number): number => places.reduce((sum, at) => sum + value(at), 0);
export const largest = (values: Iterable<number>): number => {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) most = Math.max(most, value);
  return most;
};
