#define KERNELS_ISA generic
#include "kernels_isa.hpp"
