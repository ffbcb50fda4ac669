// Which function runs a TensorFlow operation: everything that Saphena's networks and optimizers are built from. Inputs, attributes and
// outputs are those of TensorFlow's operation of that name.
import { fusedBatchNorm, fusedBatchNormGrad } from "./batch-norm.ts";
import { conv2d, conv2dBackpropFilter, conv2dBackpropInput } from "./convolution.ts";
import { softmax, softmaxCrossEntropyWithLogits } from "./cross-entropy.ts";
import { addN, biasAdd, binary, leakyRelu, leakyReluGrad } from "./elementwise.ts";
import { matMul } from "./matrix-product.ts";
import type { Operation } from "./operation.ts";
import { biasAddGrad, halfSquareSum, mean, sum } from "./reduction.ts";
import { broadcastTo, concat, oneHot, pack, pad, reshape, slice } from "./shape.ts";
import { applyAdam, applyGradientDescent, applyMomentum, assignVariable, destroyResource, readVariable, varHandle } from "./variables.ts";

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  Object.entries({
    AddN: addN,
    AddV2: binary("Add"),
    AssignVariableOp: assignVariable,
    BiasAdd: biasAdd,
    BiasAddGrad: biasAddGrad,
    BroadcastTo: broadcastTo,
    ConcatV2: concat,
    Conv2D: conv2d,
    Conv2DBackpropFilter: conv2dBackpropFilter,
    Conv2DBackpropInput: conv2dBackpropInput,
    DestroyResourceOp: destroyResource,
    FusedBatchNormGradV3: fusedBatchNormGrad,
    FusedBatchNormV3: fusedBatchNorm,
    L2Loss: halfSquareSum,
    LeakyRelu: leakyRelu,
    LeakyReluGrad: leakyReluGrad,
    MatMul: matMul,
    Mean: mean,
    Mul: binary("Multiply"),
    OneHot: oneHot,
    Pack: pack,
    Pad: pad,
    ReadVariableOp: readVariable,
    RealDiv: binary("RealDiv"),
    Reshape: reshape,
    ResourceApplyAdam: applyAdam,
    ResourceApplyGradientDescent: applyGradientDescent,
    ResourceApplyMomentum: applyMomentum,
    Slice: slice,
    Softmax: softmax,
    SoftmaxCrossEntropyWithLogits: softmaxCrossEntropyWithLogits,
    Sub: binary("Sub"),
    Sum: sum,
    VarHandleOp: varHandle,
  }),
);
