// The kernels of Saphena on the CPU, in one table per instruction set. Images are [batch, height, width, channels], kernels
// [3, 3, inputs, outputs]; all float32. Results do not depend on the number of threads.
#pragma once
#include <stdint.h>

namespace saphena {

struct ImageSize {
  int batch;
  int height;
  int width;
};

/** Values are [rows, channels]; everything else is [channels]. */
struct NormInput {
  const float* x;
  int64_t rows;
  int channels;
  const float* scale;
  const float* offset;
  const float* runningMean;
  const float* runningVariance;
  float epsilon;
  float momentum;
  float slope;
};
struct NormOutput {
  float* y;
  float* runningMean;
  float* runningVariance;
  float* mean;
  float* inverseDeviation;
};
struct NormGradientInput {
  const float* gradient;
  const float* x;
  int64_t rows;
  int channels;
  const float* scale;
  const float* offset;
  const float* mean;
  const float* inverseDeviation;
  float slope;
};
struct NormGradientOutput {
  float* x;
  float* scale;
  float* offset;
};

/** One level of a segmentation loss over samples of `pixels` pixels: logits [samples, pixels, classes], targets [samples, pixels]. */
struct SegmentationLossInput {
  const float* logits;
  const int32_t* targets;
  /** [samples] weight of each sample, 0 where it takes no part; `total` is their sum. */
  const float* shares;
  int samples;
  int64_t pixels;
  int classes;
  float total;
  /** Of this level. */
  float weight;
  /** Of the gradient alone. */
  float factor;
};

struct Kernels {
  /** 3x3 convolution of stride 1 with one row and column of zeros around: x [.., inputs] to y [.., outputs]. */
  void (*convolution)(const float* x, ImageSize size, int inputs, const float* kernel, int outputs, float* y);

  /** The gradient with respect to x: gradient [.., outputs] to [.., inputs], with the same kernel [3, 3, inputs, outputs]. */
  void (*convolutionInputGradient)(const float* gradient, ImageSize size, int inputs, const float* kernel, int outputs, float* result);

  /** The gradient with respect to the kernel. */
  void (*convolutionKernelGradient)(const float* x, ImageSize size, int inputs, const float* gradient, int outputs, float* result);

  /** Batch normalisation in training, then LeakyReLU. */
  void (*normActivation)(const NormInput& in, const NormOutput& out);
  void (*normActivationGradient)(const NormGradientInput& in, const NormGradientOutput& out);

  /** upsampled [rows, own] + bias [own], joined with skip [rows, theirs] to [rows, own + theirs]. */
  void (*joinBiased)(const float* upsampled, const float* bias, int own, const float* skip, int theirs, int64_t rows, float* joined);
  /** The gradients of `joinBiased` with respect to upsampled, bias and skip. */
  void (*joinBiasedGradient)(const float* gradient, int own, int theirs, int64_t rows, float* upsampled, float* bias, float* skip);

  /** Returns the loss and writes its gradient with respect to the logits. Targets must be classes. */
  float (*segmentationLoss)(const SegmentationLossInput& in, float* gradient);

  /** gradient + weightDecay·parameter, `size` values each. */
  void (*addDecay)(const float* gradient, const float* parameter, float weightDecay, int64_t size, float* result);
};

/** The table for the processor this runs on. */
const Kernels& kernels();

/** Who uses which part of a thread's memory for intermediate values. */
enum Slot { TRANSFORMED_KERNEL, INPUTS, PRODUCTS, KERNEL_ROWS, ZEROS, CHANNEL_SUMS, FACTORS, SLOTS };

/** Memory of this thread for intermediate values, at least `floats` of them, aligned to 64 bytes; valid until the next call for the slot. */
float* scratch(Slot slot, int64_t floats);

int threadCount();
/** In how many parts to do `work`: as many as there are threads, or one where it is less than `least` and waking a thread takes longer. */
int partsFor(int64_t work, int64_t least);
/** Calls body(context, part) for each part of 0 … parts - 1, each on a thread of its own; returns when all are done. `parts` comes from partsFor. */
void parallel(int parts, void (*body)(void* context, int part), void* context);

}  // namespace saphena
