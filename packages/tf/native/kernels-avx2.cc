// The kernels for processors with AVX2. Compiled with -mavx2 -mfma.
#define SAPHENA_ISA saphena_avx2
#define SAPHENA_LANES 8
#include "kernel-table.h"
