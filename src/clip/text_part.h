/*
 * The fast text tower's layers for one part of a text: B copies of a token tree that differ in their
 * inputs. The prefix is such a part, and each chunk of classes, which sees it.
 */
#ifndef PROMPT_SRC_CLIP_TEXT_PART_H
#define PROMPT_SRC_CLIP_TEXT_PART_H

#include "tuned.h"

/** Keys and values of the prefix at one layer, views [B,p,W], and the sums of their gradients. */
struct prefix_layer {
    tensor *k, *v;
    tensor *d_k, *d_v; /* [B,p,W] accum; made for the backward */
};

/** One part of the text on its way through the tower: the prefix, or a chunk of classes. */
struct text_part {
    const struct token_tree *tree;
    const struct prefix_layer *prefix; /* [layers], seen by a chunk; NULL for the prefix itself */
    const tensor *qkv0;                /* layer 1's constant input, or NULL */
    const tensor *ends;                /* end nodes of a chunk */
    const struct tuned_pass *tuned;    /* trained changes of the tower; NULL: none */
    const int64_t *row_ids;            /* of the copies, for dropout; NULL: none */
    const tensor *const *deep;         /* [n_deep] vectors of the prefix, see struct text_vectors */
    int64_t n_deep;
    struct layer_saved *saved;    /* [layers]; NULL in evaluation */
    tensor *h_final, *rstd_final; /* saved of the final norm */
    scope *keep;                  /* of the saved tensors */
};

/**
 * The forward pass. The prefix fills `keys` with its keys and values, a chunk has NULL there.
 * @param x  [B,n,W] accum, with positions; changed in place
 * @return a chunk's features, [B,C,d] in `outer`; NULL for the prefix
 */
tensor *text_part_forward(scope *outer, const struct clip *c, struct text_part *p, tensor *x,
                          struct prefix_layer *keys);

/**
 * The backward of a chunk.
 * @param prefix      receives the prefix's share in its d_k and d_v; NULL: there is no prefix
 * @param d_features  [B,C,d]
 * @return with needs_input the gradient of the chunk's input, [B,n,W] accum in `outer`; else NULL
 */
tensor *text_part_backward(scope *outer, const struct clip *c, const struct text_part *p,
                           struct prefix_layer *prefix, const tensor *d_features, bool needs_input);

/**
 * The backward of the prefix, from its `keys`' gradients.
 * @param d_deep  receives [n_deep] gradients of the deep vectors, [B,n,W] accum in `outer`
 * @return the gradient of its vectors, [B,p,W] accum in `outer`
 */
tensor *text_part_backward_prefix(scope *outer, const struct clip *c, const struct text_part *p,
                                  const struct prefix_layer *keys, tensor **d_deep);

#endif
