#define KERNELS_ISA avx512
#include "kernels.inc.hpp"
#include "kernels_isa.hpp"
