// Maps libtorch's types to the kernels'.
#pragma once

#include "kernels/kernels.hpp"
#include "shim.hpp"

namespace shim
{

/** Whether the kernels support a tensor: on a CPU and of a known type (fp16 is for CUDA). */
inline bool has_kernel(const at::Tensor &t)
{
    const at::ScalarType type = t.scalar_type();
    return t.is_cpu() && (type == at::kFloat || type == at::kDouble || type == at::kBFloat16);
}

/** Calls `f` with a value of the kernels' type; `type` must be one that has_kernel accepts. */
template <class F> void with_kernel_type(at::ScalarType type, F f)
{
    if (type == at::kFloat)
        f(float{});
    else if (type == at::kDouble)
        f(double{});
    else
        f(kernels::bf16{});
}

} // namespace shim
