// Winograd's minimal filtering for 3x3 kernels (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016): OUT x OUT
// outputs need SIDE x SIDE products of transformed inputs and transformed kernel, with SIDE = OUT + 2, instead of 9·OUT². That is 2.25
// times fewer for OUT = 2, and 4 times fewer for OUT = 4 at about twenty times the rounding error (some 5e-6 of the largest output).
//
// Each transform is written for one dimension, over a row of vectors, and applied to columns and then to rows.
#pragma once
#include "vectors.h"

namespace SAPHENA_ISA {

template <int OUT>
struct Winograd;

/** Interpolation points 0, 1, -1 and infinity. */
template <>
struct Winograd<2> {
  static constexpr int SIDE = 4;

  /** Bᵀ: pixels to products. */
  template <class V>
  static SAPHENA_INLINE void input(const V* d, V* t) {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[1] - d[3];
  }
  /** Aᵀ: products to outputs. */
  template <class V>
  static SAPHENA_INLINE void output(const V* t, V* y) {
    y[0] = t[0] + t[1] + t[2];
    y[1] = t[1] - t[2] - t[3];
  }
  /** A, the transpose of `output`: gradients of outputs to gradients of products. */
  template <class V>
  static SAPHENA_INLINE void outputGradient(const V* y, V* t) {
    t[0] = y[0];
    t[1] = y[0] + y[1];
    t[2] = y[0] - y[1];
    t[3] = -y[1];
  }
  /** G: kernel to products. */
  template <class V>
  static SAPHENA_INLINE void kernel(const V* g, V* t) {
    const V outer = g[0] + g[2];
    t[0] = g[0];
    t[1] = 0.5f * (outer + g[1]);
    t[2] = 0.5f * (outer - g[1]);
    t[3] = g[2];
  }
  /** Gᵀ: gradients of products to the gradient of the kernel. */
  template <class V>
  static SAPHENA_INLINE void kernelGradient(const V* t, V* g) {
    const V even = 0.5f * (t[1] + t[2]);
    g[0] = t[0] + even;
    g[1] = 0.5f * (t[1] - t[2]);
    g[2] = even + t[3];
  }
};

/** Interpolation points 0, 1, -1, 2, -2 and infinity. */
template <>
struct Winograd<4> {
  static constexpr int SIDE = 6;

  template <class V>
  static SAPHENA_INLINE void input(const V* d, V* t) {
    const V a = d[4] - 4.0f * d[2], b = d[3] - 4.0f * d[1];
    const V c = d[4] - d[2], e = 2.0f * (d[3] - d[1]);
    t[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + e;
    t[4] = c - e;
    t[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
  }
  template <class V>
  static SAPHENA_INLINE void output(const V* t, V* y) {
    const V a = t[1] + t[2], b = t[1] - t[2], c = t[3] + t[4], d = t[3] - t[4];
    y[0] = t[0] + a + c;
    y[1] = b + 2.0f * d;
    y[2] = a + 4.0f * c;
    y[3] = b + 8.0f * d + t[5];
  }
  template <class V>
  static SAPHENA_INLINE void outputGradient(const V* y, V* t) {
    const V a = y[0] + y[2], b = y[1] + y[3];
    const V c = y[0] + 4.0f * y[2], d = 2.0f * y[1] + 8.0f * y[3];
    t[0] = y[0];
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + d;
    t[4] = c - d;
    t[5] = y[3];
  }
  template <class V>
  static SAPHENA_INLINE void kernel(const V* g, V* t) {
    const V a = (-1.0f / 6) * (g[0] + g[2]), b = (-1.0f / 6) * g[1];
    const V c = (1.0f / 24) * g[0] + (1.0f / 6) * g[2], d = (1.0f / 12) * g[1];
    t[0] = 0.25f * g[0];
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + d;
    t[4] = c - d;
    t[5] = g[2];
  }
  template <class V>
  static SAPHENA_INLINE void kernelGradient(const V* t, V* g) {
    const V a = t[1] + t[2], b = t[1] - t[2], c = t[3] + t[4], d = t[3] - t[4];
    g[0] = 0.25f * t[0] - (1.0f / 6) * a + (1.0f / 24) * c;
    g[1] = (1.0f / 12) * d - (1.0f / 6) * b;
    g[2] = (1.0f / 6) * (c - a) + t[5];
  }
};

}  // namespace SAPHENA_ISA
