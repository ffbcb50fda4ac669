// Bias and concatenation of the decoder in one pass over the values, and their gradients in another.
#pragma once
#include "row-loops.h"

namespace SAPHENA_ISA {

void joinBiased(const float* upsampled, const float* bias, int own, const float* skip, int theirs, int64_t rows, float* joined) {
  const int channels = own + theirs;
  const auto body = [&](int64_t row) __attribute__((always_inline)) {
    float* target = joined + row * channels;
    forChannels(own, [&](auto width, int c) __attribute__((always_inline)) {
      constexpr int N = decltype(width)::value;
      store<N>(target + c, load<N>(upsampled + row * own + c) + load<N>(bias + c));
    });
    forChannels(theirs, [&](auto width, int c) __attribute__((always_inline)) {
      constexpr int N = decltype(width)::value;
      store<N>(target + own + c, load<N>(skip + row * theirs + c));
    });
  };
  forRows(rows, channels, body);
}

void joinBiasedGradient(const float* gradient, int own, int theirs, int64_t rows, float* upsampled, float* bias, float* skip) {
  const int channels = own + theirs;
  const auto body = [&](int64_t row) __attribute__((always_inline)) {
    const float* from = gradient + row * channels;
    forChannels(own, [&](auto width, int c) __attribute__((always_inline)) {
      constexpr int N = decltype(width)::value;
      store<N>(upsampled + row * own + c, load<N>(from + c));
    });
    forChannels(theirs, [&](auto width, int c) __attribute__((always_inline)) {
      constexpr int N = decltype(width)::value;
      store<N>(skip + row * theirs + c, load<N>(from + own + c));
    });
  };
  forRows(rows, channels, body);
  const auto term = [&](auto width, int64_t row, int c, auto& sum, auto&) __attribute__((always_inline)) {
    constexpr int N = decltype(width)::value;
    sum += load<N>(upsampled + row * own + c);
  };
  ChannelSums<decltype(term)>(term, rows, own).compute([&](int c, double sum, double) { bias[c] = sum; });
}

}  // namespace SAPHENA_ISA
