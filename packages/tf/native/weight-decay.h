// Weight decay added to a gradient, in one pass.
#pragma once
#include "row-loops.h"

namespace SAPHENA_ISA {

void addDecay(const float* gradient, const float* parameter, float weightDecay, int64_t size, float* result) {
  constexpr int64_t ROW = 4096;  // shared by the threads in pieces of this many values
  const auto body = [&](int64_t row) __attribute__((always_inline)) {
    const int64_t first = row * ROW, left = size - first;
    forChannels(left < ROW ? left : ROW, [&](auto width, int c) __attribute__((always_inline)) {
      constexpr int N = decltype(width)::value;
      store<N>(result + first + c, load<N>(gradient + first + c) + weightDecay * load<N>(parameter + first + c));
    });
  };
  forRows((size + ROW - 1) / ROW, ROW, body);
}

}  // namespace SAPHENA_ISA
