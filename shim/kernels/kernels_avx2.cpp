#define KERNELS_ISA avx2
#include "dense.inc.hpp"
#include "forest.inc.hpp"
#include "kernels.inc.hpp"
#include "kernels_isa.hpp"
