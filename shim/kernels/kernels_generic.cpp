#define KERNELS_ISA generic
#include "dense.inc.hpp"
#include "kernels.inc.hpp"
#include "kernels_isa.hpp"
#include "tree.inc.hpp"
