/*
 * The fast encoders' shared parts: packed layers with everything folded that is constant, and the halves of a
 * block that both towers have in common. Gradients are off in all of it; backwards are by hand.
 *
 * Folded into the weights: the norms' scale and shift into the product after them, 1/sqrt(head width) into
 * the query, QuickGELU's 1.702 into the MLP (x sigmoid(1.702 x) = silu(1.702 x) / 1.702).
 */
#ifndef PROMPT_SRC_CLIP_FAST_H
#define PROMPT_SRC_CLIP_FAST_H

#include "load.h"
#include "prompt/clip/clip.h"
#include "prompt/torch/fused.h"

/** The products of a layer. */
enum fast_product {
    FAST_QKV, /* not of the last layer */
    FAST_Q,   /* of the last layer, which has one query a row or image */
    FAST_KV,  /* of the first and the last layer */
    FAST_MLP_IN,
    FAST_ATTENTION_OUT,
    FAST_MLP_OUT,
    FAST_PROJECTION, /* of the last layer: the final norm and the projection, W to d */
    N_FAST_PRODUCTS,
};

/** The products after one of the block's norms come first. */
enum { N_PRODUCTS_AFTER_NORM = FAST_MLP_IN + 1 };

/** A frozen weight, packed for each direction when that is first used; NULL before. */
struct fast_linear {
    tensor *forward;  /* W */
    tensor *backward; /* W^T */
    tensor *bias;     /* comes with the forward; NULL: the product has none */
};

struct fast_layer {
    struct fast_linear products[N_FAST_PRODUCTS];
    struct fast_linear bare[N_PRODUCTS_AFTER_NORM]; /* without the norm's scale and shift */
    struct nn_norm norms[2];                        /* ln_1 and ln_2, compute; NULL before they are used */
};

struct fast_tower {
    const char *block_prefix; /* of the tensors' names, as the two below */
    const char *norm_prefix;  /* of the norm before the projection */
    const char *norm_name;
    const char *projection_name;
    int64_t n_rows;            /* of the usual product, for which weights are packed */
    struct fast_layer *layers; /* [n_layers], owned */
    int64_t n_layers;
    int64_t n_heads;
    int64_t width;
    enum activation activation;
    double norm_eps;
};

/** Both towers. Weights are loaded and packed when a pass first needs them, so what no pass needs costs
 * nothing: a tower whose features are known, or the backward's layout in an evaluation. */
struct clip_fast {
    struct load_source source; /* of the weights in the accumulate dtype */
    scope *owner;              /* of the packed tensors */
    struct fast_tower vision;
    struct fast_tower text;
};

/** Prepares the towers; their packed tensors will live in `owner`. `source` must outlive the result (owned). */
int clip_fast_create(struct clip_fast **out, scope *owner, const struct clip *c,
                     const struct load_source *source);
void clip_fast_free(struct clip_fast *f);
/** Packs both towers for both directions. */
int clip_fast_prepare(const struct clip *c);

/** A product of layer i, [rows,in] to [rows,out]. */
tensor *fast_linear(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                    enum fast_product product, const tensor *x);
/** Its backward, dy [rows,out] to dx [rows,in]. */
tensor *fast_linear_backward(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                             enum fast_product product, const tensor *dy);
/** The same of a product without the norm before it: x is the norm's output. */
tensor *fast_linear_bare(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                         enum fast_product product, const tensor *x);
tensor *fast_linear_bare_backward(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                                  enum fast_product product, const tensor *dy);
/** ln_1 (0) or ln_2 (1) of layer i, compute; NULL, with the scope marked, on failure. */
const struct nn_norm *fast_norm(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                                int64_t norm);

/* ---------------------------------------------------------------- one block's halves */

/** The input of a layer's backward. Tensors live in the scope that the forward was given for it. */
struct layer_saved {
    tensor *h1, *rstd1; /* normalized input of the attention, [B,T,W]; NULL where it is constant */
    tensor *q, *k, *v;  /* views */
    tensor *reduced;    /* of low-rank additions (tuned.h); NULL: none */
    tensor *reduced_q;  /* the same of the query in the last layer */
    tensor *aux;        /* of dense attention */
    tensor *h2, *rstd2; /* normalized input of the MLP, [B,T,W] */
    tensor *slope;      /* of its activation */
};

/** x += d; the normalized x, [B,T,W] compute. `d` and `rstd` (see t_residual_norm_) may be NULL. */
tensor *fast_normalized(scope *s, const struct clip *c, const struct fast_tower *t, tensor *x,
                        const tensor *d, tensor *rstd);

struct tuned_pass; /* tuned.h: trained changes of the tower; NULL: none */

/** x += d; the MLP's branch of the result, [rows,W] compute. `saved`: in scope `keep`; NULL in evaluation. */
tensor *fast_mlp(scope *s, scope *keep, const struct clip *c, const struct fast_tower *t, int64_t i,
                 const struct tuned_pass *tuned, tensor *x, const tensor *d, struct layer_saved *saved);

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
void fast_mlp_backward(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                       const struct tuned_pass *tuned, const struct layer_saved *saved,
                       const struct fast_gradient *g);

/** Rows of any shape as [rows, width]. */
tensor *fast_rows(scope *s, const tensor *t);
/** Columns `first`..`first`+n of the last axis, a view. */
tensor *fast_columns(scope *s, const tensor *t, int64_t first, int64_t n);

#endif
