// The table of all kernels of one instruction set; included once by each kernels-*.cc.
#include "join.h"
#include "norm-activation.h"
#include "segmentation-loss.h"
#include "weight-decay.h"
#include "winograd-convolution.h"

namespace SAPHENA_ISA {

extern const saphena::Kernels table;
const saphena::Kernels table = {
    convolution,           convolutionInputGradient, convolutionKernelGradient, normActivation,
    normActivationGradient, joinBiased,              joinBiasedGradient,        segmentationLoss,
    addDecay,
};

}  // namespace SAPHENA_ISA
