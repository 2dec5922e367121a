#define KERNELS_ISA avx512
#include "dense.inc.hpp"
#include "kernels.inc.hpp"
#include "kernels_isa.hpp"
#include "tree.inc.hpp"
