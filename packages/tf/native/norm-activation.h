// Batch normalisation followed by LeakyReLU, and the gradient of both, in two passes over the values each: one for the sums of every
// channel, one for the result. Composed of two operations it would be four and five.
#pragma once
#include "kernels.h"
#include "row-loops.h"

namespace SAPHENA_ISA {

template <int N>
SAPHENA_INLINE Vector<N> leaky(Vector<N> value, float slope) {
  return value > 0 ? value : slope * value;
}

/**
 * y = leaky(x̂·scale + offset) with x̂ = (x - mean)·inverseDeviation of the batch, per channel. `mean` and `inverseDeviation` are results, too; so are
 * the running averages (1 - momentum)·old + momentum·batch, the variance being the unbiased one.
 */
void normActivation(const saphena::NormInput& in, const saphena::NormOutput& out) {
  const float* x = in.x;
  const int channels = in.channels;
  // Sums of differences from one value of the channel: sums of squares alone would cancel where the mean is far from 0.
  const auto term = [&](auto width, int64_t row, int c, auto& sum, auto& squares) __attribute__((always_inline)) {
    constexpr int N = decltype(width)::value;
    const Vector<N> difference = load<N>(x + row * channels + c) - load<N>(x + c);
    sum += difference;
    squares += difference * difference;
  };
  float* factor = saphena::scratch(saphena::FACTORS, 2 * channels);
  float* shift = factor + channels;
  ChannelSums<decltype(term)>(term, in.rows, channels).compute([&](int c, double sum, double squares) {
    const double average = sum / in.rows, variance = squares / in.rows - average * average, mean = x[c] + average;
    const double deviation = __builtin_sqrt((variance > 0 ? variance : variance != variance ? variance : 0) + in.epsilon);
    out.mean[c] = mean;
    out.inverseDeviation[c] = 1 / deviation;
    const double unbiased = in.rows > 1 ? variance * in.rows / (in.rows - 1) : variance;
    out.runningMean[c] = (1 - in.momentum) * in.runningMean[c] + in.momentum * mean;
    out.runningVariance[c] = (1 - in.momentum) * in.runningVariance[c] + in.momentum * unbiased;
    factor[c] = in.scale[c] / deviation;
    shift[c] = in.offset[c] - mean * in.scale[c] / deviation;
  });
  const auto body = [&](auto width, int64_t row, int c) __attribute__((always_inline)) {
    constexpr int N = decltype(width)::value;
    store<N>(out.y + row * channels + c, leaky<N>(load<N>(x + row * channels + c) * load<N>(factor + c) + load<N>(shift + c), in.slope));
  };
  forValues(in.rows, channels, body);
}

/** The gradients of normActivation with respect to x, scale and offset. */
void normActivationGradient(const saphena::NormGradientInput& in, const saphena::NormGradientOutput& out) {
  const int channels = in.channels;
  float* factor = saphena::scratch(saphena::FACTORS, 5 * channels);
  float *shift = factor + channels, *a = shift + channels, *b = a + channels, *d = b + channels;
  for (int c = 0; c < channels; c++) {
    factor[c] = in.scale[c] * in.inverseDeviation[c];
    shift[c] = in.offset[c] - in.mean[c] * factor[c];
  }
  // The gradient before the activation; its sign is recomputed rather than kept.
  const auto before = [&](auto width, int64_t row, int c) __attribute__((always_inline)) {
    constexpr int N = decltype(width)::value;
    const Vector<N> gradient = load<N>(in.gradient + row * channels + c);
    const Vector<N> value = load<N>(in.x + row * channels + c) * load<N>(factor + c) + load<N>(shift + c);
    return value > 0 ? gradient : in.slope * gradient;
  };
  const auto term = [&](auto width, int64_t row, int c, auto& sum, auto& product) __attribute__((always_inline)) {
    constexpr int N = decltype(width)::value;
    const Vector<N> gradient = before(width, row, c);
    sum += gradient;
    product += gradient * (load<N>(in.x + row * channels + c) - load<N>(in.mean + c));
  };
  ChannelSums<decltype(term)>(term, in.rows, channels).compute([&](int c, double sum, double product) {
    const double scaled = product * in.inverseDeviation[c];
    out.offset[c] = sum;
    out.scale[c] = scaled;
    // dx = factor·(g - sum/rows - x̂·scaled/rows) = factor·g + a·x + b
    const double slope = factor[c] * in.inverseDeviation[c] * scaled / in.rows;
    a[c] = -slope;
    b[c] = slope * in.mean[c] - factor[c] * sum / in.rows;
    d[c] = factor[c];
  });
  const auto body = [&](auto width, int64_t row, int c) __attribute__((always_inline)) {
    constexpr int N = decltype(width)::value;
    const Vector<N> gradient = before(width, row, c);
    store<N>(out.x + row * channels + c, load<N>(d + c) * gradient + (load<N>(a + c) * load<N>(in.x + row * channels + c) + load<N>(b + c)));
  };
  forValues(in.rows, channels, body);
}

}  // namespace SAPHENA_ISA
