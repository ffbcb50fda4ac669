// What every operation needs: its inputs, outputs and attributes, and its registration, through TensorFlow's stable C interface for kernels.
#pragma once
#define IS_SLIM_BUILD  // leaves out what needs headers of the C++ interface, which set-up does not install
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

#include <initializer_list>
#include <new>
#include <string>
#include <vector>

namespace saphena {

/** Numbers that an operation takes as attributes. */
enum Number { EPSILON, MOMENTUM, SLOPE, WEIGHT_DECAY, NUMBERS };
constexpr const char* NUMBER_NAMES[NUMBERS] = {"epsilon", "momentum", "slope", "weight_decay"};
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

  static constexpr int ANY_RANK = -1;

  /** Input `index` with `rank` dimensions, or null after a failure. */
  TF_Tensor* input(int index, int rank) {
    if (failed()) return nullptr;
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_);
    if (failed()) return nullptr;
    keep(tensor);
    if (rank != ANY_RANK && TF_NumDims(tensor) != rank) fail("input " + std::to_string(index) + " has " + std::to_string(TF_NumDims(tensor)) + " dimensions and not " + std::to_string(rank));
    return failed() ? nullptr : tensor;
  }

  float* output(int index, std::initializer_list<int64_t> shape) { return output(index, shape.begin(), static_cast<int>(shape.size())); }

  float* output(int index, const int64_t* shape, int rank) {
    if (failed()) return nullptr;
    size_t floats = 1;
    for (int i = 0; i < rank; i++) floats *= shape[i];
    TF_Tensor* tensor = TF_AllocateOutput(context_, index, TF_FLOAT, shape, rank, floats * sizeof(float), status_);
    if (failed()) return nullptr;
    keep(tensor);
    return static_cast<float*>(TF_TensorData(tensor));
  }

  int inputCount() const { return TF_NumInputs(context_); }
  float number(Number which) const { return attributes_.numbers[which]; }

  void require(bool condition, const char* message) {
    if (!condition && !failed()) fail(message);
  }
  bool failed() const { return TF_GetCode(status_) != TF_OK; }
  void outOfMemory() { TF_SetStatus(status_, TF_RESOURCE_EXHAUSTED, "OOM when allocating memory for intermediate values"); }

 private:
  void fail(const std::string& message) { TF_SetStatus(status_, TF_INVALID_ARGUMENT, message.c_str()); }
  void keep(TF_Tensor* tensor) { tensors_.push_back(tensor); }

  const Attributes& attributes_;
  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> tensors_;
};

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

inline void destroy(void* attributes) { delete static_cast<Attributes*>(attributes); }

inline void unknownShape(TF_ShapeInferenceContext* context, TF_Status* status) { TF_ShapeInferenceContextSetUnknownShape(context, status); }

inline std::string typed(const char* argument) {
  const std::string text(argument);
  return text.find(':') == std::string::npos ? text + ": float" : text;
}

/**
 * An operation named `name` on the CPU. Inputs and outputs are float32 where no type is written. This runs before there is an engine and anybody
 * to tell of a failure: the first use of an operation that is not there fails and says so.
 */
template <void (*operation)(Call&), Number... numbers>
void define(const char* name, std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs,
            const char* count = nullptr) {
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, typed(input).c_str());
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(definition, typed(output).c_str());
  for (Number number : std::initializer_list<Number>{numbers...})
    TF_OpDefinitionBuilderAddAttr(definition, (std::string(NUMBER_NAMES[number]) + ": float").c_str());
  if (count != nullptr) TF_OpDefinitionBuilderAddAttr(definition, count);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, unknownShape);
  TF_Status* status = TF_NewStatus();
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) == TF_OK)
    TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", create<numbers...>, compute<operation>, destroy), status);
  TF_DeleteStatus(status);
}

}  // namespace saphena
