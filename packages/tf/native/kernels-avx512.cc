// The kernels for processors with AVX-512. Compiled with -mavx512f -mavx512vl -mavx512dq -mfma.
#define SAPHENA_ISA saphena_avx512
#define SAPHENA_LANES 16
#include "kernel-table.h"
