/**
 * Named operations of a frozen transformer, each with its backward, for towers that are differentiated by
 * hand.
 *
 * None of them records anything for autograd: they are to be used with gradients off. On a CPU they are
 * kernels of ours (shim/kernels) or oneDNN's; elsewhere compositions of PyTorch's operations. Each says what
 * plain operations it replaces: tests compare with those and their autograd. "Master" is the type of the
 * residual stream and of sums (fp32; fp64 in gradient checks), "products" the type of the matrix products
 * (fp32, bf16, fp16; fp64).
 */
#ifndef PROMPT_TORCH_FUSED_H
#define PROMPT_TORCH_FUSED_H

#include "prompt/torch/torch.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Memory without values. */
tensor *t_empty(scope *s, const int64_t *dims, size_t n_dims, enum dtype dtype, struct device device);

/* ---------------------------------------------------------------- linear with a frozen weight */

/** A weight laid out for its products: x W^T + b, and dy W for the backward. Tensors live in the packing
 * scope. */
struct packed_linear {
    const tensor *forward;  /* prepacked W, or W itself */
    const tensor *backward; /* prepacked W^T, or W^T itself */
    const tensor *bias;     /* [out], or NULL */
    bool is_packed;         /* oneDNN's layout */
};

/**
 * Packs weight [out,in] (products type) for about `n_rows` rows a call.
 * @param bias  [out], products type, or NULL
 */
struct packed_linear t_pack_linear(scope *s, const tensor *weight, const tensor *bias, int64_t n_rows);
/** x [rows,in] -> [rows,out]. Replaces t_linear, which lays the weight out anew at every call. */
tensor *t_packed_linear(scope *s, const struct packed_linear *l, const tensor *x);
/** dy [rows,out] -> dx [rows,in]. Replaces autograd of t_linear; of a frozen weight this is all of it. */
tensor *t_packed_linear_backward(scope *s, const struct packed_linear *l, const tensor *dy);

/* ---------------------------------------------------------------- residual and norm */

/**
 * x += d; y = (x - mean) / sqrt(variance + eps) per row (scale and shift are folded into the product that
 * follows). x [B,T,W] master, contiguous, changed in place; d products [B,T,W] or NULL. y [B,T',W] products
 * and rstd [B,T'] master receive the rows at `offset` along axis 1; rstd may be NULL. Replaces t_add,
 * t_layer_norm and the cast of its result: one pass over memory instead of three.
 */
void t_residual_norm_(scope *s, tensor *x, const tensor *d, tensor *y, tensor *rstd, int64_t offset,
                      double eps);

/**
 * The backward: g [B,T,W] master receives (accumulate: plus) d x, from dy and y [B,T',W] products at
 * `offset`. g_copy: [B,T,W] products, receives g; or NULL (then g must be of the products' type to be used as
 * such). Replaces autograd of t_layer_norm, which keeps x where this keeps y and rstd, and the sum and the
 * cast that follow.
 */
void t_norm_backward_(scope *s, tensor *g, tensor *g_copy, const tensor *dy, const tensor *y,
                      const tensor *rstd, int64_t offset, bool accumulate);

/* ---------------------------------------------------------------- SiLU */

/** silu(x), in the place of x; with `keep_slope` in a new one, and x becomes silu'(x). Replaces t_sigmoid and
 * t_mul, for which autograd keeps x and the sigmoid; here the slope is all that is kept. In the epilogue of
 * oneDNN's product it takes longer: 41 against 32 + 2 ms for [2048,512] to 2048 (November 2026, two AVX2
 * cores). */
tensor *t_silu_(scope *s, tensor *x, bool keep_slope);
/** The exact GELU, likewise; replaces t_gelu. */
tensor *t_gelu_(scope *s, tensor *x, bool keep_slope);
/** a *= b in place: the backward of both, with b the slope. Replaces t_mul without a third tensor. */
void t_mul_(scope *s, tensor *a, const tensor *b);

/* ---------------------------------------------------------------- attention; the scale is part of q */

/** Token nodes, each of which sees a prefix and its own ancestors (itself too). Arrays are borrowed. */
struct forest {
    int64_t n_nodes;
    int64_t n_queries;    /* nodes that ask; n_nodes, or fewer in a last layer */
    const int32_t *first; /* [n_queries+1] into seen */
    const int32_t *seen;  /* nodes that query i sees: seen[first[i]] .. seen[first[i+1]-1] */
    int64_t n_seen_max;   /* of one query */
    const tensor *mask;   /* by t_forest_mask for the prefix at hand, or NULL: our kernels need none, others
                             make it each time */
};

/**
 * What is added to the scores where none of our kernels takes the tensors: 0 where query i sees prefix or
 * node j, else -inf. [n_queries, n_prefix + n_nodes], rows apart by a multiple of 16 values; `dtype` and
 * `device` are those of q.
 */
tensor *t_forest_mask(scope *s, const struct forest *forest, int64_t n_prefix, enum dtype dtype,
                      struct device device);

/** Operands of forest attention: [B,rows,W] views whose last axis is contiguous. */
struct forest_attention {
    const tensor *q;                   /* [B,n_queries,W] */
    const tensor *k, *v;               /* [B,n_nodes,W] */
    const tensor *prefix_k, *prefix_v; /* [B,p,W], or NULL */
    int64_t n_heads;
    const struct forest *forest;
};

/** [B,n_queries,W]. Replaces causal t_attention over whole sequences, each with its own copy of the tokens
 * that it shares with others. Where none of our kernels takes the tensors every query meets every node; the
 * profile counts what is seen alone. */
tensor *t_forest_attention(scope *s, const struct forest_attention *a);
/**
 * d_q, d_k, d_v (views like q, k, v) are written; d_prefix_k, d_prefix_v [B,p,W] master are added to, or
 * NULL. Replaces autograd of the same; nothing is kept but the operands, the weights are computed again.
 */
void t_forest_attention_backward(scope *s, const struct forest_attention *a, const tensor *d_out, tensor *d_q,
                                 tensor *d_k, tensor *d_v, tensor *d_prefix_k, tensor *d_prefix_v);

/**
 * Dense attention without a mask: q [B,Tq,W], k and v [B,Tk,W] -> [B,Tq,W]; last axes contiguous. `aux` (or
 * NULL) receives what the backward needs: the log-sum-exp of the scores, [B,heads,Tq] master. Scores, weights
 * and their gradients are master. Where none of our kernels takes the tensors, it is PyTorch's attention: aux
 * is empty, its backward computes the forward again and the gradients of all operands, and weights and their
 * gradients are rounded to the products' type. Replaces t_attention.
 */
tensor *t_dense_attention(scope *s, const tensor *q, const tensor *k, const tensor *v, int64_t n_heads,
                          tensor **aux);
/** d_q [B,Tq,W] or NULL; d_k and d_v [B,Tk-first_key,W] of the keys from `first_key` on: all are written.
 * Replaces autograd of t_attention, which knows the gradients of all operands alone. */
void t_dense_attention_backward(scope *s, const tensor *d_out, const tensor *q, const tensor *k,
                                const tensor *v, const tensor *aux, int64_t n_heads, tensor *d_q, tensor *d_k,
                                tensor *d_v, int64_t first_key);

/* ---------------------------------------------------------------- joining hand-written backwards to autograd
 */

/** Continues autograd from `tensors` with the given output gradients (NULL: 1, of scalars); the graph is
 * kept.
 */
int t_backward_from(scope *s, const tensor *const *tensors, const tensor *const *grads, size_t n);
/** row_index [rows]: a[:, index] += b along axis 1; a [B,T,W], b [B,rows,W]. */
void t_index_add_(scope *s, tensor *a, const tensor *index, const tensor *b);
void t_zero_(scope *s, tensor *a);

#ifdef __cplusplus
}
#endif

#endif
