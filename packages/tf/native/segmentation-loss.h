// Softmax, cross-entropy and Dice of one level of mask logits, and the gradient, in two passes over the pixels; composed of operations of
// TensorFlow it is about twenty-five. The formulas are those of packages/venet/src/segmentation-loss.ts.
#pragma once
#include "kernels.h"
#include "vectors.h"

namespace SAPHENA_ISA {

constexpr double DICE_SMOOTH = 1e-5;
/** Pixels of a batch below which one thread does them all. */
constexpr int64_t LEAST_PIXELS = 4096;

/** Sums over the pixels of one sample, in float64: cross-entropy, then per class overlap, probability and target. */
SAPHENA_INLINE double* sampleSums(double* all, int sample, int classes) { return all + (int64_t)sample * (1 + 3 * classes); }

/** Probabilities of one pixel [classes]; returns its cross-entropy. */
SAPHENA_INLINE float softmax(const float* logits, int classes, int target, float* probabilities) {
  float largest = logits[0], total = 0;
  for (int c = 1; c < classes; c++) largest = logits[c] > largest ? logits[c] : largest;
  for (int c = 0; c < classes; c++) total += probabilities[c] = __builtin_expf(logits[c] - largest);
  for (int c = 0; c < classes; c++) probabilities[c] /= total;
  return __builtin_logf(total) - (logits[target] - largest);
}

struct SegmentationLoss {
  const saphena::SegmentationLossInput& in;
  double* sums;        // [samples, 1 + 3·classes]
  float* scaled;       // [classes], weight·factor/(classes - 1)/D_c of the foreground
  float* diceScaled;   // [classes], Dice_c times that
  float* gradient;     // first the probabilities
  int parts;

  static void sumPart(void* given, int part) {
    const SegmentationLoss& l = *(const SegmentationLoss*)given;
    const auto& in = l.in;
    for (int sample = in.samples * part / l.parts; sample < in.samples * (part + 1) / l.parts; sample++) {
      double* sums = sampleSums(l.sums, sample, in.classes);
      for (int i = 0; i < 1 + 3 * in.classes; i++) sums[i] = 0;
      for (int64_t pixel = sample * in.pixels; pixel < (sample + 1) * in.pixels; pixel++) {
        float* p = l.gradient + pixel * in.classes;
        const int target = in.targets[pixel];
        sums[0] += softmax(in.logits + pixel * in.classes, in.classes, target, p);
        sums[1 + target] += p[target];
        for (int c = 0; c < in.classes; c++) sums[1 + in.classes + c] += p[c];
        sums[1 + 2 * in.classes + target] += 1;
      }
    }
  }

  /** The loss of the level; prepares the factors of the gradient. */
  float combine() {
    double crossEntropy = 0, dice = 0;
    for (int sample = 0; sample < in.samples; sample++)
      crossEntropy += in.weight * in.shares[sample] / (in.total * in.pixels) * sampleSums(sums, sample, in.classes)[0];
    for (int c = 0; c < in.classes; c++) {
      double overlap = 0, mass = 0;
      for (int sample = 0; sample < in.samples; sample++) {
        const double* one = sampleSums(sums, sample, in.classes);
        overlap += in.shares[sample] * one[1 + c];
        mass += in.shares[sample] * (one[1 + in.classes + c] + one[1 + 2 * in.classes + c]);
      }
      const double share = c == 0 ? 0 : in.weight / (in.classes - 1), denominator = mass + DICE_SMOOTH;
      const double value = (2 * overlap + DICE_SMOOTH) / denominator;
      dice += share * value;
      scaled[c] = share * in.factor / denominator;
      diceScaled[c] = value * share * in.factor / denominator;
    }
    return crossEntropy + in.weight - dice;
  }

  static void gradientPart(void* given, int part) {
    const SegmentationLoss& l = *(const SegmentationLoss*)given;
    const auto& in = l.in;
    for (int sample = in.samples * part / l.parts; sample < in.samples * (part + 1) / l.parts; sample++) {
      const float share = in.shares[sample], entropyShare = in.factor * in.weight * share / (in.total * in.pixels);
      for (int64_t pixel = sample * in.pixels; pixel < (sample + 1) * in.pixels; pixel++) {
        float* p = l.gradient + pixel * in.classes;
        const int target = in.targets[pixel];
        float projected = -2 * l.scaled[target] * p[target];
        for (int c = 0; c < in.classes; c++) projected += l.diceScaled[c] * p[c];
        for (int c = 0; c < in.classes; c++) {
          const float isTarget = c == target ? 1.0f : 0.0f, slope = l.diceScaled[c] - 2 * l.scaled[c] * isTarget;
          p[c] = entropyShare * (p[c] - isTarget) + share * p[c] * (slope - projected);
        }
      }
    }
  }
};

float segmentationLoss(const saphena::SegmentationLossInput& in, float* gradient) {
  float* factors = saphena::scratch(saphena::FACTORS, 2 * in.classes);
  double* sums = (double*)saphena::scratch(saphena::CHANNEL_SUMS, 2 * (int64_t)in.samples * (1 + 3 * in.classes));
  SegmentationLoss loss{in, sums, factors, factors + in.classes, gradient, saphena::partsFor(in.samples * in.pixels, LEAST_PIXELS)};
  saphena::parallel(loss.parts, SegmentationLoss::sumPart, &loss);
  const float value = loss.combine();
  saphena::parallel(loss.parts, SegmentationLoss::gradientPart, &loss);
  return value;
}

}  // namespace SAPHENA_ISA
