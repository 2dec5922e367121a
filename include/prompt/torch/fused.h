/**
 * Named operations of a frozen transformer, each with its backward, for towers that are differentiated by
 * hand.
 *
 * Use them with gradients off: they record nothing for autograd. On a CPU they run our kernels (shim/kernels)
 * or oneDNN's, elsewhere compositions of PyTorch's operations. Each comment names the plain operations that
 * it replaces; tests compare with those and their autograd. Results are borrowed from the scope `s`.
 *
 * Two dtypes occur:
 *   compute  operands of matrix products: fp32, bf16, fp16; fp64 in gradient checks
 *   accum    the residual stream and all sums: fp32; fp64 in gradient checks
 */
#ifndef PROMPT_TORCH_FUSED_H
#define PROMPT_TORCH_FUSED_H

#include "prompt/torch/torch.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Uninitialized memory. */
tensor *t_empty(scope *s, const int64_t *dims, size_t n_dims, enum dtype dtype, struct device device);

/* ---------------------------------------------------------------- linear with a frozen weight */

/**
 * A copy of a weight in our kernel's layout (fp32 on AVX2, with `out` a multiple of 32) or in oneDNN's, for calls
 * with about `n_rows` rows; where it cannot be packed, the weight itself, contiguous.
 *   weight  [out,in]  compute
 */
tensor *t_pack_weight(scope *s, const tensor *weight, int64_t n_rows);
/**
 * A copy of a weight in bf16, for products that are computed in the dtype of x: half the memory of fp32. The
 * product converts it block by block; where no kernel of ours supports that, as a whole.
 *   weight  [out,in]  fp32 or fp64
 */
tensor *t_pack_narrow(scope *s, const tensor *weight);
/**
 * x W^T + b. Replaces t_linear, which lays out the weight anew at every call. With a packed W^T it is dx = dy W,
 * the whole backward of a frozen weight.
 *   weight  [out,in]   of t_pack_weight or t_pack_narrow
 *   bias    [out]      compute, or NULL
 *   x       [rows,in]
 *   result  [rows,out]
 */
tensor *t_packed_linear(scope *s, const tensor *weight, const tensor *bias, const tensor *x);

/* ---------------------------------------------------------------- residual and norm */

/**
 * x += d; y = (x - mean) / sqrt(variance + eps) per row. Scale and shift are folded into the next product.
 * Replaces t_add, t_layer_norm and the cast of its result: one pass over memory instead of three.
 *   x     [B,T,W]   accum, contiguous; changed in place
 *   d     [B,T,W]   compute, or NULL
 *   y     [B,T',W]  compute; rows offset .. offset+T-1 of axis 1 are written
 *   rstd  [B,T']    accum, or NULL; 1/sqrt(variance + eps), the same rows are written
 */
void t_residual_norm_(scope *s, tensor *x, const tensor *d, tensor *y, tensor *rstd, int64_t offset,
                      double eps);

/**
 * The backward: g = dx, or g += dx with `accumulate`; then g_copy = g. Replaces autograd of t_layer_norm
 * (which keeps x, not y and rstd) and the sum and the cast after it.
 *   g       [B,T,W]   accum
 *   g_copy  [B,T,W]   compute; NULL if the dtypes are the same
 *   dy, y   [B,T',W]  compute; rows offset .. offset+T-1 of axis 1 are read
 *   rstd    [B,T']    accum; the same rows are read
 */
void t_norm_backward_(scope *s, tensor *g, tensor *g_copy, const tensor *dy, const tensor *y,
                      const tensor *rstd, int64_t offset, bool accumulate);

/**
 * y scale + shift per channel, of a norm whose scale and shift are not folded into the next product. Replaces
 * t_mul and t_add.
 *   y             [rows,W]  compute
 *   scale, shift  [W]       compute
 *   result        [rows,W]
 */
tensor *t_affine(scope *s, const tensor *y, const tensor *scale, const tensor *shift);
/**
 * The backward: d_scale += sum of d y; d_shift += sum of d; d *= scale. Replaces autograd of the same.
 *   d                 [rows,W]  compute; the gradient of the result, then that of y
 *   y                 [rows,W]
 *   scale             [W]
 *   d_scale, d_shift  [W]       accum; NULL: not needed
 */
void t_affine_backward_(scope *s, tensor *d, const tensor *y, const tensor *scale, tensor *d_scale,
                        tensor *d_shift);

/* ---------------------------------------------------------------- low-rank products and dropout */

/** a += b c in place. Replaces t_matmul and t_add, without a third tensor of a's size. */
void t_add_product_(scope *s, tensor *a, const tensor *b, const tensor *c);

/** The numbers that a mask is drawn from. */
struct dropout_stream {
    double p; /* share of the values that are dropped, below 1 */
    uint64_t seed;
    uint64_t step;     /* below 2^32 */
    uint64_t product;  /* below 2^24: which of the step's masks */
    int64_t first_row; /* added to all rows */
};
/**
 * 1 where a value is kept, 0 where it is dropped. Row i depends on the stream and on first_row + rows[i] alone, whatever the
 * device, and a longer row begins as a shorter one. Drawn on the host.
 *   rows    [n_rows]  below 2^32; NULL: 0, 1, ...
 *   result  [n_rows,n]
 */
tensor *t_dropout_mask(scope *s, const struct dropout_stream *d, const int64_t *rows, int64_t n_rows,
                       int64_t n, enum dtype dtype, struct device device);

/* ---------------------------------------------------------------- activation */

/**
 * silu(x), in the memory of x; with `keep_slope` in new memory, and x becomes silu'(x). Replaces t_sigmoid
 * and t_mul, for which autograd keeps x and the sigmoid; here only the slope.
 */
tensor *t_silu_(scope *s, tensor *x, bool keep_slope);
/** The same for the exact GELU; replaces t_gelu. */
tensor *t_gelu_(scope *s, tensor *x, bool keep_slope);
/** a *= b in place: the backward of both, with the slope as b. Replaces t_mul, without a third tensor. */
void t_mul_(scope *s, tensor *a, const tensor *b);

/* ---------------------------------------------------------------- attention; the scale is part of q */

/** Which nodes of a token tree each query sees: its own ancestors and itself. The arrays are borrowed. */
struct tree_mask {
    int64_t n_nodes;
    int64_t n_queries;    /* n_nodes, or fewer in a last layer */
    const int32_t *first; /* [n_queries+1] into seen */
    const int32_t *seen;  /* query i sees the nodes seen[first[i]] .. seen[first[i+1]-1] */
    int64_t n_seen_max;   /* of one query */
    const tensor *dense;  /* t_tree_mask of the same prefix, borrowed; NULL: made at each call, if needed */
};

/**
 * The mask added to the scores where no kernel of ours supports the tensors: 0 if query i sees prefix or node
 * j, else -inf. `dtype` and `device` are those of q.
 *   result  [n_queries, n_prefix + n_nodes]  row stride a multiple of 16 values
 */
tensor *t_tree_mask(scope *s, const struct tree_mask *mask, int64_t n_prefix, enum dtype dtype,
                    struct device device);

/** Operands of tree attention: views whose last axis is contiguous. Every query sees the whole prefix. */
struct tree_attention {
    const tensor *q;                   /* [B,n_queries,W] */
    const tensor *k, *v;               /* [B,n_nodes,W] */
    const tensor *prefix_k, *prefix_v; /* [B,p,W], or NULL */
    int64_t n_heads;
    const struct tree_mask *mask;
};

/**
 * softmax(q k^T) v over the prefix and the seen nodes. Replaces causal t_attention over whole sequences, each
 * with its own copy of shared tokens. Where no kernel of ours supports the tensors, every query is multiplied
 * with every node; the profile counts only the nodes that it sees.
 *   result  [B,n_queries,W]
 */
tensor *t_tree_attention(scope *s, const struct tree_attention *a);
/**
 * The backward. Replaces autograd of the same; computes the weights again from the operands.
 *   d_out                   [B,n_queries,W]
 *   d_q                     [B,n_queries,W]  view like q; written
 *   d_k, d_v                [B,n_nodes,W]    views like k, v; written
 *   d_prefix_k, d_prefix_v  [B,p,W]          accum, or NULL; added to
 */
void t_tree_attention_backward(scope *s, const struct tree_attention *a, const tensor *d_out, tensor *d_q,
                               tensor *d_k, tensor *d_v, tensor *d_prefix_k, tensor *d_prefix_v);

/**
 * Dense attention without a mask; last axes contiguous. Replaces t_attention.
 *   q       [B,Tq,W]
 *   k, v    [B,Tk,W]
 *   aux     [B,heads,Tq]  accum: the log-sum-exp of the scores, for the backward; NULL: not needed
 *   result  [B,Tq,W]
 * Scores, weights and their gradients are accum. Where no kernel of ours supports the tensors, PyTorch's
 * attention runs: aux is empty, the backward computes the forward again and the gradients of all operands,
 * and weights and their gradients are rounded to the compute dtype.
 */
tensor *t_dense_attention(scope *s, const tensor *q, const tensor *k, const tensor *v, int64_t n_heads,
                          tensor **aux);
/**
 * The backward. Replaces autograd of t_attention, which computes the gradients of all operands or none.
 *   d_out     [B,Tq,W]
 *   d_q       [B,Tq,W]            written; NULL: not needed
 *   d_k, d_v  [B,Tk-first_key,W]  of the keys from `first_key` on; written
 */
void t_dense_attention_backward(scope *s, const tensor *d_out, const tensor *q, const tensor *k,
                                const tensor *v, const tensor *aux, int64_t n_heads, tensor *d_q, tensor *d_k,
                                tensor *d_v, int64_t first_key);

/* ---------------------------------------------------------------- joining backwards to autograd */

/** Continues autograd from `tensors` with their gradients (NULL: 1, for scalars); keeps the graph. */
int t_backward_from(scope *s, const tensor *const *tensors, const tensor *const *grads, size_t n);
/**
 * a[:, index] += b along axis 1.
 *   a      [B,T,W]
 *   index  [rows]
 *   b      [B,rows,W]
 */
void t_index_add_(scope *s, tensor *a, const tensor *index, const tensor *b);
void t_zero_(scope *s, tensor *a);

#ifdef __cplusplus
}
#endif

#endif
