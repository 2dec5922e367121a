/*
 * The fast encoders' shared parts: packed layers with everything folded that is constant, and the halves of a
 * block that both towers have in common. Gradients are off in all of it; backwards are by hand.
 *
 * Folded into the weights: the norms' scale and shift into the product after them, 1/sqrt(head width) into
 * the query, QuickGELU's 1.702 into the MLP (x sigmoid(1.702 x) = silu(1.702 x) / 1.702).
 */
#ifndef PROMPT_SRC_CLIP_FAST_H
#define PROMPT_SRC_CLIP_FAST_H

#include "prompt/clip/clip.h"
#include "prompt/torch/fused.h"

struct fast_layer {
    struct packed_linear qkv; /* not of the last layer */
    struct packed_linear q;   /* of the last layer, which has one query a row or image */
    struct packed_linear kv;  /* of the first and the last layer */
    struct packed_linear attention_out;
    struct packed_linear mlp_in;
    struct packed_linear mlp_out;
};

struct fast_tower {
    struct fast_layer *layers; /* [n_layers], owned */
    int64_t n_layers;
    int64_t n_heads;
    int64_t width;
    enum activation activation;
    double norm_eps;
    struct packed_linear out; /* final norm and projection */
};

struct clip_fast {
    struct fast_tower vision;
    struct fast_tower text;
};

/** Packs the towers of a clip whose weights are in the accumulate dtype; tensors live in `owner`. */
int clip_fast_create(struct clip_fast **out, scope *owner, const struct clip *c);
void clip_fast_free(struct clip_fast *f);

/* ---------------------------------------------------------------- one block's halves */

/** The input of a layer's backward. Tensors live in the scope that the forward was given for it. */
struct layer_saved {
    tensor *h1, *rstd1; /* normalized input of the attention, [B,T,W]; NULL where it is constant */
    tensor *q, *k, *v;  /* views */
    tensor *aux;        /* of dense attention */
    tensor *h2, *rstd2; /* normalized input of the MLP, [B,T,W] */
    tensor *slope;      /* of its activation */
};

/** x += d; the normalized x, [B,T,W] compute. `d` and `rstd` (see t_residual_norm_) may be NULL. */
tensor *fast_normalized(scope *s, const struct clip *c, const struct fast_tower *t, tensor *x,
                        const tensor *d, tensor *rstd);

/** x += d; the MLP's branch of the result, [rows,W] compute. `saved`: in scope `keep`; NULL in evaluation. */
tensor *fast_mlp(scope *s, scope *keep, const struct clip *c, const struct fast_tower *t,
                 const struct fast_layer *l, tensor *x, const tensor *d, struct layer_saved *saved);

/** The gradient of the residual stream in both dtypes; one tensor if they are the same. */
struct fast_gradient {
    tensor *accum;
    tensor *compute;
};
struct fast_gradient fast_gradient_empty(scope *s, const struct clip *c, const int64_t *dims, size_t n_dims);
/** The copy in the compute dtype that t_norm_backward_ is to write; NULL if the dtypes are the same. */
tensor *fast_gradient_copy(const struct fast_gradient *g);
/** Casts `accum` to `compute`, after something else wrote it. */
void fast_gradient_cast(scope *s, const struct clip *c, struct fast_gradient *g);

/** g += the MLP's branch, back to the block's middle. */
void fast_mlp_backward(scope *s, const struct fast_layer *l, const struct layer_saved *saved,
                       const struct fast_gradient *g);

/** Rows of any shape as [rows, width]. */
tensor *fast_rows(scope *s, const tensor *t);
/** Columns `first`..`first`+n of the last axis, a view. */
tensor *fast_columns(scope *s, const tensor *t, int64_t first, int64_t n);

#endif
