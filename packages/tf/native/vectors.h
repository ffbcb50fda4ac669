// Short vectors of floats as the compiler knows them, and the loop that walks a row of channels with them.
// Every file that includes this one is compiled once per instruction set, in a namespace of its own (SAPHENA_ISA), so that the linker
// can never mix code of two of them. For the same reason nothing here may use the standard library.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SAPHENA_INLINE inline __attribute__((always_inline))

namespace SAPHENA_ISA {

/** Floats in the widest register of this instruction set. */
constexpr int LANES = SAPHENA_LANES;

template <int N>
struct VectorOf {
  typedef float type __attribute__((vector_size(4 * N), aligned(4), may_alias));
};
/** N floats. Needs no alignment. */
template <int N>
using Vector = typename VectorOf<N>::type;

template <int N>
SAPHENA_INLINE Vector<N> load(const float* from) {
  return *reinterpret_cast<const Vector<N>*>(from);
}

template <int N>
SAPHENA_INLINE void store(float* to, Vector<N> values) {
  *reinterpret_cast<Vector<N>*>(to) = values;
}

template <int N>
SAPHENA_INLINE Vector<N> fill(float value) {
  return Vector<N>{} + value;
}

/** Wraps a vector width so that it can be passed to a generic lambda. */
template <int N>
struct Width {
  static constexpr int value = N;
};

/** Calls body(Width, first) so that the widths cover [0, channels) once, widest first. */
template <class Body>
SAPHENA_INLINE void forChannels(int channels, Body body) {
  int at = 0;
  for (; at + LANES <= channels; at += LANES) body(Width<LANES>{}, at);
  if (LANES > 8)
    for (; at + 8 <= channels; at += 8) body(Width<8>{}, at);
  for (; at + 4 <= channels; at += 4) body(Width<4>{}, at);
  for (; at < channels; at++) body(Width<1>{}, at);
}

SAPHENA_INLINE int smaller(int a, int b) { return a < b ? a : b; }
SAPHENA_INLINE int larger(int a, int b) { return a > b ? a : b; }
SAPHENA_INLINE int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace SAPHENA_ISA
