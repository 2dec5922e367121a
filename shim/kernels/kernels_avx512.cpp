#define KERNELS_ISA avx512
#include "kernels_isa.hpp"
