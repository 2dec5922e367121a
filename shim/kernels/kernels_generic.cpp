#define KERNELS_ISA generic
#include "kernels.inc.hpp"
#include "kernels_isa.hpp"
