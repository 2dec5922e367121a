// What tree attention and dense attention share: heads are concatenated in [B,rows,W].
#pragma once

#include "kernel_types.hpp"

namespace shim
{

/** [B,T,W] -> [B,heads,T,W/heads]; a view. */
inline at::Tensor split_heads(const at::Tensor &t, int64_t n_heads)
{
    return t.unflatten(-1, {n_heads, -1}).transpose(1, 2);
}

inline at::Tensor join_heads(const at::Tensor &t)
{
    return t.transpose(1, 2).flatten(2);
}

template <class T> kernels::rows_of<const T *> rows(const at::Tensor &t)
{
    return {static_cast<const T *>(t.const_data_ptr()), t.stride(0), t.stride(1)};
}

template <class T> kernels::rows_of<const T *> rows(const tensor *t)
{
    return t ? rows<T>(in(t)) : kernels::rows_of<const T *>{nullptr, 0, 0};
}

template <class T> kernels::rows_of<T *> writable_rows(const at::Tensor &t)
{
    return {static_cast<T *>(t.mutable_data_ptr()), t.stride(0), t.stride(1)};
}

/** The type of scores, weights and sums. */
inline at::ScalarType accum_type(const at::Tensor &t)
{
    return t.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

/**
 * Attention by PyTorch's own kernels, for tensors that ours do not support. Adds mask [Tq,Tk] to the scores
 * (undefined: none). The backward computes the forward again, so nothing is kept. In library_attention.cpp.
 */
at::Tensor library_attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, int64_t n_heads,
                             const at::Tensor &mask);
struct attention_gradients {
    at::Tensor q, k, v;
};
attention_gradients library_attention_backward(const at::Tensor &d_out, const at::Tensor &q,
                                               const at::Tensor &k, const at::Tensor &v, int64_t n_heads,
                                               const at::Tensor &mask);

/** t is [B,n_rows,W] of q's type, its last axis contiguous. */
inline void check_rows(const at::Tensor &t, const at::Tensor &q, int64_t n_rows)
{
    check(t.dim() == 3 && t.stride(2) == 1 && t.scalar_type() == q.scalar_type(),
          "operands must be [B,rows,W] of one dtype with a contiguous last axis");
    check(t.size(0) == q.size(0) && t.size(1) == n_rows && t.size(2) == q.size(2),
          "the operands' shapes do not match");
}

/** Matrix products of 2 FLOP for each pair of query and key and each value of a row. The forward's: scores,
 * sums. The backward's: scores again, weights' gradient, d_q, d_k, d_v. */
enum { ATTENTION_PRODUCTS = 2, ATTENTION_BACKWARD_PRODUCTS = 5 };

/** FLOP of so many of these products for so many pairs of query and key. */
inline double attention_flop(double n_products, double n_pairs, double width)
{
    return 2.0 * n_products * n_pairs * width;
}

} // namespace shim
