// Operations that may be too small to share among threads.
#pragma once

#include "shim.hpp"

namespace shim
{

/** at::matmul, at::linear and at::cross_entropy_loss. On a CPU one thread computes what is too small to share, and its
 * gradients: where another program keeps a core, a parallel region of microseconds lasts milliseconds. */
at::Tensor matmul(const at::Tensor &a, const at::Tensor &b);
at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias);
at::Tensor cross_entropy(const at::Tensor &logits, const at::Tensor &labels);

} // namespace shim
