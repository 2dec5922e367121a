// Attention by PyTorch's operation, which selects one of its fused kernels: for CUDA, and for fp16 on a CPU.
#include "attention.hpp"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <optional>
#include <vector>

namespace shim
{

at::Tensor library_attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, int64_t n_heads,
                             const at::Tensor &mask)
{
    const std::optional<at::Tensor> added = mask.defined() ? std::optional(mask) : std::nullopt;
    return join_heads(at::scaled_dot_product_attention(split_heads(q, n_heads), split_heads(k, n_heads),
                                                       split_heads(v, n_heads), added, /*dropout_p=*/0.0,
                                                       /*is_causal=*/false, /*scale=*/1.0));
}

attention_gradients library_attention_backward(const at::Tensor &d_out, const at::Tensor &q,
                                               const at::Tensor &k, const at::Tensor &v, int64_t n_heads,
                                               const at::Tensor &mask)
{
    at::AutoGradMode on(true);
    const std::vector<at::Tensor> leaves = {q.detach().requires_grad_(), k.detach().requires_grad_(),
                                            v.detach().requires_grad_()};
    const at::Tensor out = library_attention(leaves[0], leaves[1], leaves[2], n_heads, mask);
    const auto grads = torch::autograd::grad({out}, leaves, {d_out.view_as(out)});
    return {grads[0], grads[1], grads[2]};
}

} // namespace shim
