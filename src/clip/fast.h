/*
 * The fast encoders' shared parts: packed layers with everything folded that is constant, and the two halves
 * of a block that both towers have in common. Gradients are off in all of it; backwards are by hand.
 *
 * Folded into the weights: the norms' scale and shift into the product behind them, 1/sqrt(head width) into
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
    struct fast_layer *layers; /* [n_layers] */
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

/** Packs the towers of a clip whose weights are in the accumulate dtype; tensors live in `run`. */
int clip_fast_create(struct clip_fast **out, scope *run, const struct clip *c);
void clip_fast_free(struct clip_fast *f);

/* ---------------------------------------------------------------- one block's halves */

/** What the backward pass of a layer needs. Tensors live in the scope that the forward was given for it. */
struct layer_saved {
    tensor *h1, *rstd1; /* normalized input of the attention, [B,T,W]; NULL where it is constant */
    tensor *q, *k, *v;  /* views */
    tensor *aux;        /* of dense attention */
    tensor *h2, *rstd2; /* normalized input of the MLP, [B,T,W] */
    tensor *slope;      /* of its activation */
};

/** x += d; the MLP's branch of the result, [rows,W] compute. `saved`: in scope `keep`; NULL in evaluation.
 */
tensor *fast_mlp(scope *s, scope *keep, const struct clip *c, const struct fast_tower *t,
                 const struct fast_layer *l, tensor *x, const tensor *d, struct layer_saved *saved);

/** The gradient of the residual stream in both dtypes; one tensor if they are the same. */
struct fast_gradient {
    tensor *accum;
    tensor *compute;
};
struct fast_gradient fast_gradient_empty(scope *s, const struct clip *c, const int64_t *dims, size_t n_dims);
/** The copy in the compute dtype that t_norm_backward_ is to write: NULL if the dtypes are the same. */
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

/* ---------------------------------------------------------------- text_fast.c, vision_fast.c */

struct text_layout;
struct tape;

int text_layout_create(struct text_layout **out, scope *run, const struct clip *c,
                       const struct text_rows *rows, int64_t n_prefix, int64_t n_images);
void text_layout_free(struct text_layout *l);
/** Bytes that the backward of all chunks keeps, for n_images prefixes. */
double text_layout_kept_bytes(const struct text_layout *l, const struct clip *c, int64_t n_images);
/** Of the largest chunk: the bytes that its backward keeps, and its tokens for one prefix. */
double text_layout_part_bytes(const struct text_layout *l, const struct clip *c, int64_t n_images);
int64_t text_layout_part_rows(const struct text_layout *l);
/** @param input  prefixes [B,p,d_l] or NULL; for rows that hold learned vectors, their embeddings [K,T,d_l]
 */
tensor *fast_encode_text(scope *s, const struct clip *c, struct tape *tape, const tensor *input,
                         const struct clip_texts *texts);

struct image_tokens fast_image_tokens(scope *s, const struct clip *c, tensor *tokens);
tensor *fast_encode_image(scope *s, const struct clip *c, struct tape *tape, struct image_tokens tokens,
                          const tensor *const *prompts, int64_t n_prompts);

#endif
