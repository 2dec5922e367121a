#define KERNELS_ISA avx2
#include "kernels.inc.hpp"
#include "kernels_isa.hpp"
