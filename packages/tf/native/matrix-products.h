// Products of small matrices that stay in the cache: a block of result rows is held in registers while the inner dimension runs.
#pragma once
#include "vectors.h"

namespace SAPHENA_ISA {

/** Result rows in registers: with two vectors a row, with one. Chosen so that accumulators, one row of b and a broadcast fit. */
constexpr int ROWS_OF_TWO = SAPHENA_LANES == 16 ? 12 : 6;
constexpr int ROWS_OF_ONE = SAPHENA_LANES == 16 ? 14 : 8;

/** How a matrix lies in memory: element (row, column) at row·rowStep + column·columnStep. */
struct Steps {
  size_t row;
  size_t column;
};

/** c[ROWS x VECTORS·N] (+)= a[ROWS x depth] · b[depth x VECTORS·N]. */
template <int ROWS, int VECTORS, int N, bool ACCUMULATE>
SAPHENA_INLINE void multiplyBlock(const float* a, Steps aSteps, const float* b, size_t bStep, int depth, float* c, size_t cStep) {
  Vector<N> sums[ROWS][VECTORS];
  for (int row = 0; row < ROWS; row++)
    for (int v = 0; v < VECTORS; v++) sums[row][v] = ACCUMULATE ? load<N>(c + row * cStep + v * N) : Vector<N>{};
  for (int k = 0; k < depth; k++) {
    Vector<N> right[VECTORS];
    for (int v = 0; v < VECTORS; v++) right[v] = load<N>(b + k * bStep + v * N);
    for (int row = 0; row < ROWS; row++) {
      const float left = a[row * aSteps.row + k * aSteps.column];
      for (int v = 0; v < VECTORS; v++) sums[row][v] += left * right[v];
    }
  }
  for (int row = 0; row < ROWS; row++)
    for (int v = 0; v < VECTORS; v++) store<N>(c + row * cStep + v * N, sums[row][v]);
}

/** The same for any number of rows. */
template <int VECTORS, int N, bool ACCUMULATE>
SAPHENA_INLINE void multiply(const float* a, Steps aSteps, const float* b, size_t bStep, int depth, float* c, size_t cStep, int rows) {
  constexpr int ROWS = VECTORS == 2 ? ROWS_OF_TWO : ROWS_OF_ONE;
  int row = 0;
  for (; row + ROWS <= rows; row += ROWS)
    multiplyBlock<ROWS, VECTORS, N, ACCUMULATE>(a + row * aSteps.row, aSteps, b, bStep, depth, c + row * cStep, cStep);
  for (; row + 4 <= rows; row += 4)
    multiplyBlock<4, VECTORS, N, ACCUMULATE>(a + row * aSteps.row, aSteps, b, bStep, depth, c + row * cStep, cStep);
  for (; row < rows; row++)
    multiplyBlock<1, VECTORS, N, ACCUMULATE>(a + row * aSteps.row, aSteps, b, bStep, depth, c + row * cStep, cStep);
}

/** Columns that `multiplyPanel` computes at once for a result of this many columns. */
SAPHENA_INLINE int panelWidth(int columns) { return columns > LANES ? 2 * LANES : columns > 8 ? LANES : 8; }

/** One panel of panelWidth(columns) columns. */
template <bool ACCUMULATE>
SAPHENA_INLINE void multiplyPanel(int width, const float* a, Steps aSteps, const float* b, size_t bStep, int depth, float* c, size_t cStep,
                                  int rows) {
  if (width == 2 * LANES)
    multiply<2, LANES, ACCUMULATE>(a, aSteps, b, bStep, depth, c, cStep, rows);
  else if (width == LANES)
    multiply<1, LANES, ACCUMULATE>(a, aSteps, b, bStep, depth, c, cStep, rows);
  else
    multiply<1, 8, ACCUMULATE>(a, aSteps, b, bStep, depth, c, cStep, rows);
}

}  // namespace SAPHENA_ISA
