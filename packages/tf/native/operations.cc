// The kernels as operations of TensorFlow. They are registered when the binding is loaded.
#include "kernels.h"
#include "operation.h"

namespace {

using saphena::Call, saphena::ImageSize;

const float* valuesOf(const TF_Tensor* tensor) { return static_cast<const float*>(TF_TensorData(tensor)); }
int sizeOf(const TF_Tensor* tensor, int dimension) { return static_cast<int>(TF_Dim(tensor, dimension)); }
ImageSize imagesOf(const TF_Tensor* x) { return {sizeOf(x, 0), sizeOf(x, 1), sizeOf(x, 2)}; }
int64_t rowsOf(ImageSize size) { return int64_t{size.batch} * size.height * size.width; }
bool isThreeByThree(const TF_Tensor* kernel) { return TF_Dim(kernel, 0) == 3 && TF_Dim(kernel, 1) == 3; }
bool sameImages(const TF_Tensor* a, const TF_Tensor* b) {
  return TF_Dim(a, 0) == TF_Dim(b, 0) && TF_Dim(a, 1) == TF_Dim(b, 1) && TF_Dim(a, 2) == TF_Dim(b, 2);
}

void convolution(Call& call) {
  const TF_Tensor *x = call.input(0, 4), *kernel = call.input(1, 4);
  if (call.failed()) return;
  call.require(isThreeByThree(kernel) && TF_Dim(kernel, 2) == TF_Dim(x, 3), "x [n,h,w,c] needs a kernel of [3,3,c,k]");
  const ImageSize size = imagesOf(x);
  float* y = call.output(0, {size.batch, size.height, size.width, TF_Dim(kernel, 3)});
  if (y != nullptr) saphena::kernels().convolution(valuesOf(x), size, sizeOf(x, 3), valuesOf(kernel), sizeOf(kernel, 3), y);
}

void convolutionInputGradient(Call& call) {
  const TF_Tensor *gradient = call.input(0, 4), *kernel = call.input(1, 4);
  if (call.failed()) return;
  call.require(isThreeByThree(kernel) && TF_Dim(kernel, 3) == TF_Dim(gradient, 3), "a gradient [n,h,w,k] needs a kernel of [3,3,c,k]");
  const ImageSize size = imagesOf(gradient);
  float* result = call.output(0, {size.batch, size.height, size.width, TF_Dim(kernel, 2)});
  if (result != nullptr)
    saphena::kernels().convolutionInputGradient(valuesOf(gradient), size, sizeOf(kernel, 2), valuesOf(kernel), sizeOf(kernel, 3), result);
}

void convolutionKernelGradient(Call& call) {
  const TF_Tensor *x = call.input(0, 4), *gradient = call.input(1, 4);
  if (call.failed()) return;
  call.require(sameImages(x, gradient), "x [n,h,w,c] needs a gradient of [n,h,w,k]");
  float* result = call.output(0, {3, 3, TF_Dim(x, 3), TF_Dim(gradient, 3)});
  if (result != nullptr)
    saphena::kernels().convolutionKernelGradient(valuesOf(x), imagesOf(x), sizeOf(x, 3), valuesOf(gradient), sizeOf(gradient, 3), result);
}

void normActivation(Call& call) {
  const TF_Tensor* x = call.input(0, 4);
  const TF_Tensor* channelwise[4];
  for (int i = 0; i < 4; i++) channelwise[i] = call.input(1 + i, 1);
  if (call.failed()) return;
  const int channels = sizeOf(x, 3);
  for (const TF_Tensor* values : channelwise) call.require(TF_Dim(values, 0) == channels, "scale, offset and running averages are [channels]");
  const ImageSize size = imagesOf(x);
  float* y = call.output(0, {size.batch, size.height, size.width, channels});
  float* results[4];
  for (int i = 0; i < 4; i++) results[i] = call.output(1 + i, {channels});
  if (call.failed()) return;
  saphena::kernels().normActivation({valuesOf(x), rowsOf(size), channels, valuesOf(channelwise[0]),
                                     valuesOf(channelwise[1]), valuesOf(channelwise[2]), valuesOf(channelwise[3]), call.number(saphena::EPSILON), call.number(saphena::MOMENTUM), call.number(saphena::SLOPE)},
                                    {y, results[0], results[1], results[2], results[3]});
}

void normActivationGradient(Call& call) {
  const TF_Tensor *gradient = call.input(0, 4), *x = call.input(1, 4);
  const TF_Tensor* channelwise[4];
  for (int i = 0; i < 4; i++) channelwise[i] = call.input(2 + i, 1);
  if (call.failed()) return;
  const int channels = sizeOf(x, 3);
  call.require(sameImages(x, gradient) && TF_Dim(gradient, 3) == channels, "gradient and x have one shape");
  for (const TF_Tensor* values : channelwise) call.require(TF_Dim(values, 0) == channels, "scale, offset, mean and inverse deviation are [channels]");
  const ImageSize size = imagesOf(x);
  float* result = call.output(0, {size.batch, size.height, size.width, channels});
  float *scale = call.output(1, {channels}), *offset = call.output(2, {channels});
  if (call.failed()) return;
  saphena::kernels().normActivationGradient({valuesOf(gradient), valuesOf(x), rowsOf(size), channels,
                                             valuesOf(channelwise[0]), valuesOf(channelwise[1]), valuesOf(channelwise[2]), valuesOf(channelwise[3]),
                                             call.number(saphena::SLOPE)},
                                            {result, scale, offset});
}

/** x + bias with what is joined to it: the counts of channels must add up, and the images be the same. */
void joinBiased(Call& call) {
  const TF_Tensor *upsampled = call.input(0, 4), *bias = call.input(1, 1), *skip = call.input(2, 4);
  if (call.failed()) return;
  const int own = sizeOf(upsampled, 3), theirs = sizeOf(skip, 3);
  call.require(sameImages(upsampled, skip) && TF_Dim(bias, 0) == own, "upsampled [n,h,w,c] needs a bias of [c] and a skip connection of [n,h,w,s]");
  const ImageSize size = imagesOf(skip);
  float* joined = call.output(0, {size.batch, size.height, size.width, own + theirs});
  if (joined != nullptr) saphena::kernels().joinBiased(valuesOf(upsampled), valuesOf(bias), own, valuesOf(skip), theirs, rowsOf(size), joined);
}

/** The second input is the bias, which says how many channels are its own. */
void joinBiasedGradient(Call& call) {
  const TF_Tensor *gradient = call.input(0, 4), *bias = call.input(1, 1);
  if (call.failed()) return;
  const int own = sizeOf(bias, 0), theirs = sizeOf(gradient, 3) - own;
  call.require(theirs > 0, "the gradient has more channels than the bias");
  const ImageSize size = imagesOf(gradient);
  float* upsampled = call.output(0, {size.batch, size.height, size.width, own});
  float* biasGradient = call.output(1, {own});
  float* skip = call.output(2, {size.batch, size.height, size.width, theirs});
  if (!call.failed()) saphena::kernels().joinBiasedGradient(valuesOf(gradient), own, theirs, rowsOf(size), upsampled, biasGradient, skip);
}

/** Inputs: logits [n,h,w,k], targets [n·h·w] int32, the samples' shares [n], and [their total, weight, factor]. */
void segmentationLoss(Call& call) {
  const TF_Tensor *logits = call.input(0, 4), *targets = call.input(1, 1), *shares = call.input(2, 1), *scales = call.input(3, 1);
  if (call.failed()) return;
  const ImageSize size = imagesOf(logits);
  const int classes = sizeOf(logits, 3);
  call.require(TF_Dim(targets, 0) == rowsOf(size) && TF_Dim(shares, 0) == size.batch && TF_Dim(scales, 0) == 3, "a target for every pixel, a share for every sample, and three scales");
  if (call.failed()) return;
  const auto* ids = static_cast<const int32_t*>(TF_TensorData(targets));
  for (int64_t pixel = 0; pixel < rowsOf(size); pixel++) call.require(ids[pixel] >= 0 && ids[pixel] < classes, "targets are classes");
  float *value = call.output(0, {}), *gradient = call.output(1, {size.batch, size.height, size.width, classes});
  if (call.failed()) return;
  const float* scale = valuesOf(scales);
  *value = saphena::kernels().segmentationLoss({valuesOf(logits), ids, valuesOf(shares), size.batch, int64_t{size.height} * size.width, classes, scale[0], scale[1], scale[2]}, gradient);
}

/** Inputs: n gradients, then their n parameters. */
void addDecay(Call& call) {
  const int count = call.inputCount() / 2;
  for (int i = 0; i < count && !call.failed(); i++) {
    const TF_Tensor *gradient = call.input(i, Call::ANY_RANK), *parameter = call.input(count + i, Call::ANY_RANK);
    if (call.failed()) return;
    const int64_t size = TF_TensorElementCount(gradient);
    call.require(TF_TensorElementCount(parameter) == size, "a parameter and its gradient have one size");
    std::vector<int64_t> shape;
    for (int dimension = 0; dimension < TF_NumDims(gradient); dimension++) shape.push_back(TF_Dim(gradient, dimension));
    float* result = call.output(i, shape.data(), static_cast<int>(shape.size()));
    if (result != nullptr) saphena::kernels().addDecay(valuesOf(gradient), valuesOf(parameter), call.number(saphena::WEIGHT_DECAY), size, result);
  }
}

const bool registered = [] {
  using saphena::EPSILON, saphena::MOMENTUM, saphena::SLOPE, saphena::WEIGHT_DECAY, saphena::define;
  define<convolution>("SaphenaConvolution", {"x", "kernel"}, {"y"});
  define<convolutionInputGradient>("SaphenaConvolutionInputGradient", {"gradient", "kernel"}, {"result"});
  define<convolutionKernelGradient>("SaphenaConvolutionKernelGradient", {"x", "gradient"}, {"result"});
  define<normActivation, EPSILON, MOMENTUM, SLOPE>("SaphenaNormActivation", {"x", "scale", "offset", "running_mean", "running_variance"},
                                                   {"y", "new_running_mean", "new_running_variance", "mean", "inverse_deviation"});
  define<normActivationGradient, SLOPE>("SaphenaNormActivationGradient", {"gradient", "x", "scale", "offset", "mean", "inverse_deviation"},
                                        {"result", "scale_gradient", "offset_gradient"});
  define<joinBiased>("SaphenaJoinBiased", {"upsampled", "bias", "skip"}, {"joined"});
  define<joinBiasedGradient>("SaphenaJoinBiasedGradient", {"gradient", "bias"}, {"upsampled", "bias_gradient", "skip"});
  define<addDecay, WEIGHT_DECAY>("SaphenaAddDecay", {"gradients: N * float", "parameters: N * float"}, {"results: N * float"}, "N: int >= 1");
  define<segmentationLoss>("SaphenaSegmentationLoss", {"logits", "targets: int32", "shares", "scales"}, {"value", "gradient"});
  return true;
}();

}  // namespace
