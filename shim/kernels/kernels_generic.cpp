#define KERNELS_ISA generic
#include "dense.inc.hpp"
#include "forest.inc.hpp"
#include "kernels.inc.hpp"
#include "kernels_isa.hpp"
