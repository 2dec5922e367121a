/**
 * The layers of a pre-norm transformer, composed of the operations of torch.h.
 *
 * The residual stream and the norms have the dtype of `x` (fp32, or fp64 in gradient checks); matrix products
 * have the dtype of their weights, which may be half. Weights are borrowed; results are borrowed from the
 * scope `s`.
 */
#ifndef PROMPT_NN_NN_H
#define PROMPT_NN_NN_H

#include "prompt/torch/torch.h"

enum activation { ACTIVATION_QUICK_GELU, ACTIVATION_GELU };
extern const char *const activation_names[2]; /* "quick_gelu", "gelu" */
/** The enum activation of a name; for another name, `otherwise` (a status) with a message. */
int nn_parse_activation(int *out, const char *name, enum status otherwise);

struct nn_linear {
    const tensor *weight; /* [out,in] */
    const tensor *bias;   /* [out], or NULL */
};

struct nn_norm {
    const tensor *weight; /* [width] */
    const tensor *bias;   /* [width] */
    double eps;
};

/**
 * Low-rank additions to query, key and value of h (Hu et al., LoRA, ICLR 2022), with dropout on their input:
 *   scale b_j a_j (m_j h), j = query, key, value
 */
struct nn_low_rank {
    const tensor *a; /* [3,r,width] */
    const tensor *b; /* [3,width,r] */
    double scale;
    const tensor *masks[3]; /* m_j, [B,T,width], 0 or 1; NULL: no dropout */
};

/** x + attention(norm1(x)), then x + mlp(norm2(x)). */
struct nn_block {
    struct nn_norm norm1;
    struct nn_linear qkv;               /* [3 width, width]: query, key, value stacked */
    const struct nn_low_rank *low_rank; /* borrowed; NULL: none */
    struct nn_linear attention_out;
    struct nn_norm norm2;
    struct nn_linear mlp_in;  /* [mlp width, width] */
    struct nn_linear mlp_out; /* [width, mlp width] */
    int64_t n_heads;
    enum activation activation;
};

/** x [..., in] -> [..., out], in the dtype of the weights. */
tensor *nn_linear(scope *s, const struct nn_linear *l, const tensor *x);
tensor *nn_norm(scope *s, const struct nn_norm *n, const tensor *x);
/** x sigmoid(1.702 x), or the exact GELU. */
tensor *nn_activation(scope *s, enum activation activation, const tensor *x);
/** x [B,T,width] -> [B,T,width]; causal: position t attends to 0..t. */
tensor *nn_block(scope *s, const struct nn_block *b, const tensor *x, bool causal);

#endif
