// 3x3 convolutions of stride 1 and their gradients by Winograd's algorithm. A convolution becomes SIDE² independent matrix products
// over tiles: transformed inputs [tiles, inputs] times transformed kernel [inputs, outputs]. Tiles are taken in blocks that fit the
// second-level cache.
#pragma once
#include "kernels.h"
#include "matrix-products.h"
#include "winograd-transforms.h"

namespace SAPHENA_ISA {

using saphena::ImageSize;

/** Floats of a block of tiles, inputs and products together: half of a second-level cache of 1 MB. */
constexpr int BLOCK_FLOATS = 128 * 1024;
/** Fewer tiles a block would spend more time on fetching the kernel than on using it. */
constexpr int LEAST_TILES = 96;
/** What is done before another thread is awake: products of a convolution, values of a transformed kernel. */
constexpr int64_t LEAST_PRODUCTS = 2 << 20;
constexpr int64_t LEAST_KERNEL_VALUES = 128 * 1024;
/** Keeps the SIDE² streams of a block apart: equal low address bits would share one set of the first-level cache. */
constexpr int STREAM_GAP = 16;

SAPHENA_INLINE const float* zeros(int floats) {
  float* memory = saphena::scratch(saphena::ZEROS, floats);
  for (int i = 0; i < floats; i++) memory[i] = 0;
  return memory;
}

/** The tiles of a batch, and where their pixels are. */
template <int OUT>
struct Tiles {
  static constexpr int SIDE = Winograd<OUT>::SIDE;
  ImageSize size;
  int across;
  int down;
  int count;

  explicit SAPHENA_INLINE Tiles(ImageSize of)
      : size(of), across((of.width + OUT - 1) / OUT), down((of.height + OUT - 1) / OUT), count(of.batch * across * down) {}

  /** Pointers to `EDGE` x `EDGE` pixels from `before` rows and columns ahead of the tile; `outside` for what is not in the image. */
  template <int EDGE, class Pixel>
  SAPHENA_INLINE void pixels(int tile, int before, Pixel* image, int channels, Pixel* outside, Pixel** result) const {
    const int x = tile % across, y = tile / across % down, n = tile / across / down;
    for (int i = 0; i < EDGE; i++)
      for (int j = 0; j < EDGE; j++) {
        const int row = y * OUT + i - before, column = x * OUT + j - before;
        const bool inside = (unsigned)row < (unsigned)size.height && (unsigned)column < (unsigned)size.width;
        result[i * EDGE + j] = inside ? image + ((size_t)(n * size.height + row) * size.width + column) * channels : outside;
      }
  }
};

/** Applies a one-dimensional transform FROM → TO to the columns of a FROM x FROM block of vectors and then to its rows. */
template <int FROM, int TO, int N, class Transform, class Load, class Store>
SAPHENA_INLINE void transformBlock(Transform transform, Load loadAt, Store storeAt) {
  Vector<N> half[TO][FROM];
  for (int j = 0; j < FROM; j++) {
    Vector<N> from[FROM], to[TO];
    for (int i = 0; i < FROM; i++) from[i] = loadAt(i, j);
    transform(from, to);
    for (int i = 0; i < TO; i++) half[i][j] = to[i];
  }
  for (int i = 0; i < TO; i++) {
    Vector<N> to[TO];
    transform(half[i], to);
    for (int j = 0; j < TO; j++) storeAt(i, j, to[j]);
  }
}

/** Inputs of tile `tile` [inputs] to the SIDE² streams at `to`, `step` floats apart. */
template <int OUT>
SAPHENA_INLINE void transformInputs(const Tiles<OUT>& tiles, int tile, const float* x, int inputs, const float* outside, float* to, size_t step) {
  constexpr int SIDE = Winograd<OUT>::SIDE;
  const float* pixel[SIDE * SIDE];
  tiles.template pixels<SIDE>(tile, 1, x, inputs, outside, pixel);
  forChannels(inputs, [&](auto width, int c) {
    constexpr int N = decltype(width)::value;
    transformBlock<SIDE, SIDE, N>([](const auto* d, auto* t) { Winograd<OUT>::input(d, t); },
                                  [&](int i, int j) { return load<N>(pixel[i * SIDE + j] + c); },
                                  [&](int i, int j, Vector<N> v) { store<N>(to + (i * SIDE + j) * step + c, v); });
  });
}

/** Gradients of the outputs of tile `tile` to SIDE² streams. */
template <int OUT>
SAPHENA_INLINE void transformGradients(const Tiles<OUT>& tiles, int tile, const float* gradient, int outputs, const float* outside, float* to,
                                       size_t step) {
  constexpr int SIDE = Winograd<OUT>::SIDE;
  const float* pixel[OUT * OUT];
  tiles.template pixels<OUT>(tile, 0, gradient, outputs, outside, pixel);
  forChannels(outputs, [&](auto width, int c) {
    constexpr int N = decltype(width)::value;
    transformBlock<OUT, SIDE, N>([](const auto* y, auto* t) { Winograd<OUT>::outputGradient(y, t); },
                                 [&](int i, int j) { return load<N>(pixel[i * OUT + j] + c); },
                                 [&](int i, int j, Vector<N> v) { store<N>(to + (i * SIDE + j) * step + c, v); });
  });
}

/** SIDE² streams of products to the outputs of a tile. */
template <int OUT>
SAPHENA_INLINE void transformProducts(const Tiles<OUT>& tiles, int tile, const float* from, size_t step, int outputs, float* y) {
  constexpr int SIDE = Winograd<OUT>::SIDE;
  float* pixel[OUT * OUT];
  tiles.template pixels<OUT>(tile, 0, y, outputs, (float*)nullptr, pixel);
  forChannels(outputs, [&](auto width, int c) {
    constexpr int N = decltype(width)::value;
    transformBlock<SIDE, OUT, N>([](const auto* t, auto* out) { Winograd<OUT>::output(t, out); },
                                 [&](int i, int j) { return load<N>(from + (i * SIDE + j) * step + c); },
                                 [&](int i, int j, Vector<N> v) {
                                   if (pixel[i * OUT + j] != nullptr) store<N>(pixel[i * OUT + j] + c, v);
                                 });
  });
}

/**
 * The kernel [3, 3, inputs, outputs] as SIDE² matrices [from, to], each in panels of panelWidth(to) columns that are padded with zeros.
 * For the input gradient the kernel is turned by 180 degrees and its channels change sides.
 */
template <int OUT, bool TURNED>
struct TransformedKernel {
  static constexpr int SIDE = Winograd<OUT>::SIDE;
  const float* kernel;
  int from;
  int to;
  int width;
  size_t padded;
  size_t step;
  float* values;

  SAPHENA_INLINE TransformedKernel(const float* kernel, int from, int to)
      : kernel(kernel), from(from), to(to), width(panelWidth(to)), padded(roundUp(to, width)), step(from * padded),
        values(saphena::scratch(saphena::TRANSFORMED_KERNEL, (int64_t)step * SIDE * SIDE)) {}

  SAPHENA_INLINE const float* panel(int position, size_t column) const { return values + position * step + column * from; }

  SAPHENA_INLINE void fillRow(int channel, float* rows) const {
    for (int tap = 0; tap < 9; tap++) {
      float* row = rows + tap * padded;
      if (TURNED)
        for (int o = 0; o < to; o++) row[o] = kernel[((size_t)(8 - tap) * to + o) * from + channel];
      else
        for (int o = 0; o < to; o++) row[o] = kernel[((size_t)tap * from + channel) * to + o];
      for (size_t o = to; o < padded; o++) row[o] = 0;
    }
    for (size_t column = 0; column < padded; column += 8) {
      float* target = values + (column / width) * from * width + (size_t)channel * width + column % width;
      transformBlock<3, SIDE, 8>([](const auto* g, auto* t) { Winograd<OUT>::kernel(g, t); },
                                 [&](int i, int j) { return load<8>(rows + (i * 3 + j) * padded + column); },
                                 [&](int i, int j, Vector<8> v) { store<8>(target + (i * SIDE + j) * step, v); });
    }
  }

  SAPHENA_INLINE void compute() {
    const int parts = saphena::partsFor((int64_t)step * SIDE * SIDE, LEAST_KERNEL_VALUES);
    struct Context {
      TransformedKernel* self;
      int parts;
    } context{this, parts};
    saphena::parallel(parts, [](void* given, int part) {
      const Context& c = *(Context*)given;
      const TransformedKernel& self = *c.self;
      float* rows = saphena::scratch(saphena::KERNEL_ROWS, 9 * self.padded);
      for (int channel = self.from * part / c.parts; channel < self.from * (part + 1) / c.parts; channel++) self.fillRow(channel, rows);
    }, &context);
  }
};

/** Convolves `from` channels of x to `to` channels of y. */
template <int OUT, bool TURNED>
void convolve(const float* x, ImageSize size, int from, const float* kernel, int to, float* y) {
  constexpr int SIDE = Winograd<OUT>::SIDE;
  struct Context {
    Tiles<OUT> tiles;
    TransformedKernel<OUT, TURNED> weights;
    const float* x;
    float* y;
    int parts;
  } context{Tiles<OUT>(size), TransformedKernel<OUT, TURNED>(kernel, from, to), x, y, 0};
  context.weights.compute();
  context.parts = saphena::partsFor((int64_t)context.tiles.count * SIDE * SIDE * from * to, LEAST_PRODUCTS);
  saphena::parallel(context.parts, [](void* given, int part) {
    const Context& c = *(Context*)given;
    const auto& weights = c.weights;
    const int from = weights.from, to = weights.to;
    const size_t padded = weights.padded;
    const int first = (int64_t)c.tiles.count * part / c.parts, end = (int64_t)c.tiles.count * (part + 1) / c.parts;
    const int block = smaller(end - first, larger(LEAST_TILES, BLOCK_FLOATS / (SIDE * SIDE) / (from + (int)padded)));
    const size_t inputStep = (size_t)block * from + STREAM_GAP, productStep = (size_t)block * padded + STREAM_GAP;
    float* inputs = saphena::scratch(saphena::INPUTS, inputStep * SIDE * SIDE);
    float* products = saphena::scratch(saphena::PRODUCTS, productStep * SIDE * SIDE);
    const float* outside = zeros(from);
    for (int at = first; at < end; at += block) {
      const int count = smaller(block, end - at);
      for (int t = 0; t < count; t++) transformInputs<OUT>(c.tiles, at + t, c.x, from, outside, inputs + (size_t)t * from, inputStep);
      for (int position = 0; position < SIDE * SIDE; position++)
        for (size_t column = 0; column < padded; column += weights.width)
          multiplyPanel<false>(weights.width, inputs + position * inputStep, Steps{(size_t)from, 1}, weights.panel(position, column), weights.width,
                               from, products + position * productStep + column, padded, count);
      for (int t = 0; t < count; t++) transformProducts<OUT>(c.tiles, at + t, products + (size_t)t * padded, productStep, to, c.y);
    }
  }, &context);
}

/**
 * The gradient with respect to the kernel: for each of the SIDE² positions the sum over tiles of inputsᵀ·gradients, transformed back.
 * Threads share the transforms of a block by tiles and the products by positions, so the order of every sum is the same for any number.
 */
template <int OUT>
struct KernelGradient {
  static constexpr int SIDE = Winograd<OUT>::SIDE;
  Tiles<OUT> tiles;
  const float* x;
  const float* gradient;
  float* result;
  int inputs;
  int outputs;
  int width;
  size_t padded;
  int block;
  size_t inputStep;
  size_t gradientStep;
  size_t sumStep;
  float* inputValues;
  float* gradientValues;
  float* sums;
  int parts;
  int at;
  int count;

  SAPHENA_INLINE KernelGradient(const float* x, ImageSize size, int inputs, const float* gradient, int outputs, float* result)
      : tiles(size), x(x), gradient(gradient), result(result), inputs(inputs), outputs(outputs), width(panelWidth(outputs)),
        padded(roundUp(outputs, width)) {
    parts = saphena::partsFor((int64_t)tiles.count * SIDE * SIDE * inputs * outputs, LEAST_PRODUCTS);
    block = smaller(tiles.count, larger(LEAST_TILES, BLOCK_FLOATS / (SIDE * SIDE) / (inputs + (int)padded)) * parts);
    inputStep = (size_t)block * inputs + STREAM_GAP;
    gradientStep = (size_t)block * padded + STREAM_GAP;
    sumStep = inputs * padded;
    inputValues = saphena::scratch(saphena::INPUTS, inputStep * SIDE * SIDE);
    gradientValues = saphena::scratch(saphena::PRODUCTS, gradientStep * SIDE * SIDE);
    sums = saphena::scratch(saphena::TRANSFORMED_KERNEL, sumStep * SIDE * SIDE);
  }

  static void transformPart(void* given, int part) {
    KernelGradient& g = *(KernelGradient*)given;
    const float* outside = zeros(larger(g.inputs, g.outputs));
    for (int t = g.count * part / g.parts; t < g.count * (part + 1) / g.parts; t++) {
      transformInputs<OUT>(g.tiles, g.at + t, g.x, g.inputs, outside, g.inputValues + (size_t)t * g.inputs, g.inputStep);
      transformGradients<OUT>(g.tiles, g.at + t, g.gradient, g.outputs, outside, g.gradientValues + t * g.padded, g.gradientStep);
    }
  }

  static void multiplyPart(void* given, int part) {
    KernelGradient& g = *(KernelGradient*)given;
    for (int position = SIDE * SIDE * part / g.parts; position < SIDE * SIDE * (part + 1) / g.parts; position++)
      for (size_t column = 0; column < g.padded; column += g.width)
        multiplyPanel<true>(g.width, g.inputValues + position * g.inputStep, Steps{1, (size_t)g.inputs},
                            g.gradientValues + position * g.gradientStep + column, g.padded, g.count, g.sums + position * g.sumStep + column, g.padded,
                            g.inputs);
  }

  static void transformBackPart(void* given, int part) {
    KernelGradient& g = *(KernelGradient*)given;
    for (int input = g.inputs * part / g.parts; input < g.inputs * (part + 1) / g.parts; input++)
      forChannels(g.outputs, [&](auto width, int o) {
        constexpr int N = decltype(width)::value;
        transformBlock<SIDE, 3, N>([](const auto* t, auto* k) { Winograd<OUT>::kernelGradient(t, k); },
                                   [&](int i, int j) { return load<N>(g.sums + (i * SIDE + j) * g.sumStep + input * g.padded + o); },
                                   [&](int i, int j, Vector<N> v) { store<N>(g.result + ((size_t)(i * 3 + j) * g.inputs + input) * g.outputs + o, v); });
      });
  }

  void compute() {
    for (size_t i = 0; i < sumStep * SIDE * SIDE; i++) sums[i] = 0;
    if (padded > (size_t)outputs)
      for (size_t i = 0; i < gradientStep * SIDE * SIDE; i++) gradientValues[i] = 0; // the padding is multiplied, too
    for (at = 0; at < tiles.count; at += block) {
      count = smaller(block, tiles.count - at);
      saphena::parallel(parts, transformPart, this);
      saphena::parallel(parts, multiplyPart, this);
    }
    saphena::parallel(parts, transformBackPart, this);
  }
};

/** Larger tiles need fewer products, but waste what reaches over the edge of a small image. */
SAPHENA_INLINE bool takesLargeTiles(ImageSize size) { return size.height % 4 == 0 && size.width % 4 == 0; }

void convolution(const float* x, ImageSize size, int inputs, const float* kernel, int outputs, float* y) {
  if (takesLargeTiles(size))
    convolve<4, false>(x, size, inputs, kernel, outputs, y);
  else
    convolve<2, false>(x, size, inputs, kernel, outputs, y);
}

void convolutionInputGradient(const float* gradient, ImageSize size, int inputs, const float* kernel, int outputs, float* result) {
  if (takesLargeTiles(size))
    convolve<4, true>(gradient, size, outputs, kernel, inputs, result);
  else
    convolve<2, true>(gradient, size, outputs, kernel, inputs, result);
}

void convolutionKernelGradient(const float* x, ImageSize size, int inputs, const float* gradient, int outputs, float* result) {
  if (takesLargeTiles(size))
    KernelGradient<4>(x, size, inputs, gradient, outputs, result).compute();
  else
    KernelGradient<2>(x, size, inputs, gradient, outputs, result).compute();
}

}  // namespace SAPHENA_ISA
