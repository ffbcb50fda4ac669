// Makes the kernels operations of TensorFlow, through its stable C interface for kernels. They are registered when the binding is loaded.
#include "kernels.h"
#define IS_SLIM_BUILD // leaves out what needs headers of the C++ interface, which set-up does not install
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

#include <initializer_list>
#include <memory>
#include <new>
#include <string>

namespace {

using saphena::ImageSize;

/** Numbers that an operation takes as attributes. */
enum Number { EPSILON, MOMENTUM, SLOPE, NUMBERS };
constexpr const char* NUMBER_NAMES[NUMBERS] = {"epsilon", "momentum", "slope"};
/** The attributes of one kernel; TensorFlow makes a kernel once for each set of them. */
struct Attributes {
  float numbers[NUMBERS] = {};
};

/** The call of one operation: inputs in, outputs out. The first failure stays and makes the operation fail. */
class Call {
 public:
  Call(const Attributes& attributes, TF_OpKernelContext* context) : attributes_(attributes), context_(context), status_(TF_NewStatus()) {}
  ~Call() {
    if (TF_GetCode(status_) != TF_OK) TF_OpKernelContext_Failure(context_, status_);
    for (TF_Tensor* tensor : tensors_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }
  Call(const Call&) = delete;

  /** Input `index` with `rank` dimensions, or null after a failure. */
  TF_Tensor* input(int index, int rank) {
    if (failed()) return nullptr;
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_);
    if (failed()) return nullptr;
    keep(tensor);
    if (TF_NumDims(tensor) != rank) fail("input " + std::to_string(index) + " has " + std::to_string(TF_NumDims(tensor)) + " dimensions and not " + std::to_string(rank));
    return failed() ? nullptr : tensor;
  }

  float* output(int index, std::initializer_list<int64_t> shape) {
    if (failed()) return nullptr;
    size_t floats = 1;
    for (int64_t size : shape) floats *= size;
    TF_Tensor* tensor = TF_AllocateOutput(context_, index, TF_FLOAT, shape.begin(), static_cast<int>(shape.size()), floats * sizeof(float), status_);
    if (failed()) return nullptr;
    keep(tensor);
    return static_cast<float*>(TF_TensorData(tensor));
  }

  float number(Number which) const { return attributes_.numbers[which]; }

  void require(bool condition, const char* message) {
    if (!condition && !failed()) fail(message);
  }
  bool failed() const { return TF_GetCode(status_) != TF_OK; }
  void outOfMemory() { TF_SetStatus(status_, TF_RESOURCE_EXHAUSTED, "OOM when allocating memory for intermediate values"); }

 private:
  void fail(const std::string& message) { TF_SetStatus(status_, TF_INVALID_ARGUMENT, message.c_str()); }
  void keep(TF_Tensor* tensor) { tensors_[count_++] = tensor; }

  const Attributes& attributes_;
  TF_OpKernelContext* context_;
  TF_Status* status_;
  TF_Tensor* tensors_[16] = {};
  int count_ = 0;
};

const float* valuesOf(const TF_Tensor* tensor) { return static_cast<const float*>(TF_TensorData(tensor)); }
int sizeOf(const TF_Tensor* tensor, int dimension) { return static_cast<int>(TF_Dim(tensor, dimension)); }
ImageSize imagesOf(const TF_Tensor* x) { return {sizeOf(x, 0), sizeOf(x, 1), sizeOf(x, 2)}; }
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
  saphena::kernels().normActivation({valuesOf(x), int64_t{size.batch} * size.height * size.width, channels, valuesOf(channelwise[0]),
                                     valuesOf(channelwise[1]), valuesOf(channelwise[2]), valuesOf(channelwise[3]), call.number(EPSILON), call.number(MOMENTUM), call.number(SLOPE)},
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
  saphena::kernels().normActivationGradient({valuesOf(gradient), valuesOf(x), int64_t{size.batch} * size.height * size.width, channels,
                                             valuesOf(channelwise[0]), valuesOf(channelwise[1]), valuesOf(channelwise[2]), valuesOf(channelwise[3]),
                                             call.number(SLOPE)},
                                            {result, scale, offset});
}

template <void (*operation)(Call&)>
void compute(void* attributes, TF_OpKernelContext* context) {
  Call call(*static_cast<const Attributes*>(attributes), context);
  try {
    operation(call);
  } catch (const std::bad_alloc&) {
    call.outOfMemory();
  }
}

template <Number... numbers>
void* create(TF_OpKernelConstruction* context) {
  auto* attributes = new Attributes();
  TF_Status* status = TF_NewStatus();
  for (Number number : std::initializer_list<Number>{numbers...})
    TF_OpKernelConstruction_GetAttrFloat(context, NUMBER_NAMES[number], &attributes->numbers[number], status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(context, status);
  TF_DeleteStatus(status);
  return attributes;
}

void destroy(void* attributes) { delete static_cast<Attributes*>(attributes); }

void unknownShape(TF_ShapeInferenceContext* context, TF_Status* status) { TF_ShapeInferenceContextSetUnknownShape(context, status); }

/**
 * An operation named `name` on the CPU, all of whose inputs and outputs are float32. This runs before there is an engine and anybody
 * to tell of a failure: the first use of an operation that is not there fails and says so.
 */
template <void (*operation)(Call&), Number... numbers>
void define(const char* name, std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs) {
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, (std::string(input) + ": float").c_str());
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(definition, (std::string(output) + ": float").c_str());
  for (Number number : std::initializer_list<Number>{numbers...})
    TF_OpDefinitionBuilderAddAttr(definition, (std::string(NUMBER_NAMES[number]) + ": float").c_str());
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, unknownShape);
  TF_Status* status = TF_NewStatus();
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) == TF_OK)
    TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", create<numbers...>, compute<operation>, destroy), status);
  TF_DeleteStatus(status);
}

const bool registered = [] {
  define<convolution>("SaphenaConvolution", {"x", "kernel"}, {"y"});
  define<convolutionInputGradient>("SaphenaConvolutionInputGradient", {"gradient", "kernel"}, {"result"});
  define<convolutionKernelGradient>("SaphenaConvolutionKernelGradient", {"x", "gradient"}, {"result"});
  define<normActivation, EPSILON, MOMENTUM, SLOPE>("SaphenaNormActivation", {"x", "scale", "offset", "running_mean", "running_variance"},
                                                   {"y", "new_running_mean", "new_running_variance", "mean", "inverse_deviation"});
  define<normActivationGradient, SLOPE>("SaphenaNormActivationGradient", {"gradient", "x", "scale", "offset", "mean", "inverse_deviation"},
                                        {"result", "scale_gradient", "offset_gradient"});
  return true;
}();

}  // namespace
