#define KERNELS_ISA avx2
#include "dense.inc.hpp"
#include "kernels.inc.hpp"
#include "kernels_isa.hpp"
#include "tree.inc.hpp"
