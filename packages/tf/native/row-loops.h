// Loops over values of [rows, channels], shared by the threads of the engine: with a result for every value, or with sums over the rows.
#pragma once
#include "kernels.h"
#include "vectors.h"

namespace SAPHENA_ISA {

/** Fewer values are done before another thread is awake. */
constexpr int64_t LEAST_VALUES = 32 * 1024;

/** Rows whose sums are kept in float32; sums of blocks are added up in float64, in order, whatever the number of threads. */
constexpr int64_t BLOCK_ROWS = 256;

/** The sums of two values over all rows, for each channel: `term(width, row, channel, first, second)` adds one row to both. */
template <class Term>
struct ChannelSums {
  const Term& term;
  int64_t rows;
  int channels;
  int64_t blocks;
  int parts;
  float* partial;  // [blocks, 2, channels]

  SAPHENA_INLINE ChannelSums(const Term& term, int64_t rows, int channels)
      : term(term), rows(rows), channels(channels), blocks((rows + BLOCK_ROWS - 1) / BLOCK_ROWS), parts(saphena::partsFor(rows * channels, LEAST_VALUES)),
        partial(saphena::scratch(saphena::CHANNEL_SUMS, blocks * 2 * channels)) {}

  static void sumPart(void* given, int part) {
    const ChannelSums& s = *(const ChannelSums*)given;
    for (int64_t block = s.blocks * part / s.parts; block < s.blocks * (part + 1) / s.parts; block++) {
      const int64_t first = block * BLOCK_ROWS, end = first + BLOCK_ROWS < s.rows ? first + BLOCK_ROWS : s.rows;
      float* target = s.partial + block * 2 * s.channels;
      forChannels(s.channels, [&](auto width, int c) __attribute__((always_inline)) {
        constexpr int N = decltype(width)::value;
        Vector<N> one{}, two{};
        for (int64_t row = first; row < end; row++) s.term(width, row, c, one, two);
        store<N>(target + c, one);
        store<N>(target + s.channels + c, two);
      });
    }
  }

  /** Both sums of channel c, for every c. */
  template <class Use>
  SAPHENA_INLINE void compute(Use use) {
    saphena::parallel(parts, sumPart, this);
    for (int c = 0; c < channels; c++) {
      double one = 0, two = 0;
      for (int64_t block = 0; block < blocks; block++) {
        one += partial[block * 2 * channels + c];
        two += partial[(block * 2 + 1) * channels + c];
      }
      use(c, one, two);
    }
  }
};

/** Calls body(row) for all rows, shared by the threads. */
template <class Body>
SAPHENA_INLINE void forRows(int64_t rows, int64_t rowValues, const Body& body) {
  struct Context {
    const Body& body;
    int64_t rows;
    int parts;
  } context{body, rows, saphena::partsFor(rows * rowValues, LEAST_VALUES)};
  saphena::parallel(context.parts, [](void* given, int part) {
    const Context& c = *(const Context*)given;
    for (int64_t row = c.rows * part / c.parts; row < c.rows * (part + 1) / c.parts; row++) c.body(row);
  }, &context);
}

/** Calls body(width, row, channel) for all values, rows shared by the threads. */
template <class Body>
SAPHENA_INLINE void forValues(int64_t rows, int channels, const Body& body) {
  const auto wholeRow = [&](int64_t row) __attribute__((always_inline)) {
    forChannels(channels, [&](auto width, int channel) __attribute__((always_inline)) { body(width, row, channel); });
  };
  forRows(rows, channels, wholeRow);
}

}  // namespace SAPHENA_ISA
