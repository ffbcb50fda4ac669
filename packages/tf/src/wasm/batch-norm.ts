// Fused batch normalisation over N, H and W of NHWC tensors. The backend's own kernel only normalises; statistics and gradient are
// written here, over the WASM memory, with sums in float64.
import { inputAt, type Operation } from "./operation.ts";

type Quartet = [Float32Array, Float32Array, Float32Array, Float32Array];

/**
 * Outputs y, running mean, running variance, and what the gradient needs: batch mean, inverse deviation, and an empty tensor that native
 * TensorFlow has there. In inference it normalises by the given averages, which are then the second and third output.
 */
export const fusedBatchNorm: Operation = (context, inputs, attributes) => {
  const [x, scale, offset] = [inputAt(inputs, 0), inputAt(inputs, 1), inputAt(inputs, 2)];
  const [oldMean, oldVariance] = [inputAt(inputs, 3), inputAt(inputs, 4)];
  const training = attributes.flag("is_training");
  const share = attributes.number("exponential_avg_factor");
  const epsilon = attributes.number("epsilon");
  const channels = scale.shape[0] as number;
  const output = context.allocate(x.shape);
  const vectors = [1, 2, 3, 4].map(() => context.allocate([channels]));
  const [runningMean, runningVariance, savedMean, savedInverse] = vectors.map((vector) => context.floats(vector)) as Quartet;
  const [means, variances] = [context.floats(oldMean), context.floats(oldVariance)];
  const values = context.floats(x);
  const count = values.length / channels;

  const statistics = training ? momentsOf(values, channels) : { mean: Float64Array.from(means), variance: Float64Array.from(variances) };
  const factor = new Float64Array(channels); // y = factor·x + shift
  const shift = new Float64Array(channels);
  const [scales, offsets] = [context.floats(scale), context.floats(offset)];
  for (let c = 0; c < channels; c++) {
    const [mean, variance] = [statistics.mean[c] as number, statistics.variance[c] as number];
    const inverse = 1 / Math.sqrt(variance + epsilon);
    factor[c] = inverse * (scales[c] as number);
    shift[c] = (offsets[c] as number) - mean * (factor[c] as number);
    savedMean[c] = mean;
    savedInverse[c] = inverse;
    const unbiased = count > 1 ? (variance * count) / (count - 1) : variance;
    runningMean[c] = training ? (1 - share) * (means[c] as number) + share * mean : mean;
    runningVariance[c] = training ? (1 - share) * (variances[c] as number) + share * unbiased : variance;
  }
  const y = context.floats(output);
  for (let index = 0; index < values.length;)
    for (let c = 0; c < channels; c++, index++) y[index] = (values[index] as number) * (factor[c] as number) + (shift[c] as number);
  return [output, ...vectors, context.allocate([0])];
};

/**
 * Gradients of x, scale and offset, and two empty tensors. With x̂ = (x - mean)·inverse over `count` values a channel:
 * dOffset = Σ g, dScale = Σ g·x̂, dx = scale·inverse·(g - dOffset/count - x̂·dScale/count).
 */
export const fusedBatchNormGrad: Operation = (context, inputs) => {
  const [gradient, x, scale] = [inputAt(inputs, 0), inputAt(inputs, 1), inputAt(inputs, 2)];
  const [mean, inverse] = [inputAt(inputs, 3), inputAt(inputs, 4)];
  const channels = scale.shape[0] as number;
  const outputs = [context.allocate(x.shape), context.allocate([channels]), context.allocate([channels])] as const;
  const [dx, dScale, dOffset] = outputs.map((tensor) => context.floats(tensor)) as [Float32Array, Float32Array, Float32Array];
  const [g, values, scales] = [context.floats(gradient), context.floats(x), context.floats(scale)];
  const [means, inverses] = [context.floats(mean), context.floats(inverse)];
  const count = values.length / channels;

  const sums = new Float64Array(channels);
  const products = new Float64Array(channels);
  for (let index = 0; index < values.length;)
    for (let c = 0; c < channels; c++, index++) {
      const value = g[index] as number;
      sums[c] = (sums[c] as number) + value;
      products[c] = (products[c] as number) + value * (values[index] as number);
    }
  // dx = a·g + b·x + d
  const [a, b, d] = [new Float64Array(channels), new Float64Array(channels), new Float64Array(channels)];
  for (let c = 0; c < channels; c++) {
    const [average, deviation, sum] = [means[c] as number, inverses[c] as number, sums[c] as number];
    const projection = deviation * ((products[c] as number) - average * sum);
    dScale[c] = projection;
    dOffset[c] = sum;
    a[c] = (scales[c] as number) * deviation;
    b[c] = (-(a[c] as number) * deviation * projection) / count;
    d[c] = (-(a[c] as number) * sum) / count - (b[c] as number) * average;
  }
  for (let index = 0; index < values.length;)
    for (let c = 0; c < channels; c++, index++)
      dx[index] = (a[c] as number) * (g[index] as number) + (b[c] as number) * (values[index] as number) + (d[c] as number);
  return [...outputs, context.allocate([0]), context.allocate([0])];
};

/** Mean and biased variance of each channel. */
function momentsOf(values: Float32Array, channels: number): { mean: Float64Array; variance: Float64Array } {
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let index = 0; index < values.length;)
    for (let c = 0; c < channels; c++, index++) {
      const value = values[index] as number;
      mean[c] = (mean[c] as number) + value;
      variance[c] = (variance[c] as number) + value * value;
    }
  const count = values.length / channels;
  for (let c = 0; c < channels; c++) {
    mean[c] = (mean[c] as number) / count;
    variance[c] = Math.max(0, (variance[c] as number) / count - (mean[c] as number) ** 2); // exact enough: the sums are float64
  }
  return { mean, variance };
}
