/*
 * What is constant for a list of classes in the fast text tower: their tokens as forests, in chunks, with
 * everything of layer 1 that no prefix touches.
 */
#ifndef PROMPT_SRC_CLIP_TEXT_LAYOUT_H
#define PROMPT_SRC_CLIP_TEXT_LAYOUT_H

#include "fast.h"
#include "prompt/clip/token_forest.h"

struct text_chunk {
    const struct token_forest *forest;
    tensor *x0;   /* embeddings with positions, [1,n,W] master */
    tensor *qkv0; /* layer 1's query, key and value, [1,n,3W] products; NULL for a tower of one layer */
    tensor *ends; /* end nodes, [C] */
    tensor *rows; /* their places in the list, [C] */
};

struct text_layout {
    struct token_forests forests;
    struct text_chunk *chunks; /* [forests.n] */
    int64_t n_rows;            /* K */
    int64_t n_prefix;
    tensor *order;              /* for each class its place in the chunks' order, [K] */
    struct token_forest prefix; /* a chain of n_prefix tokens; only its forests are used */
};

/** x += d; the normalized rows in the products' type, [B,n,W]. */
tensor *text_normalized(scope *s, const struct clip *c, tensor *x, const tensor *d, tensor *rstd);

/** Bytes that a chunk keeps for its backward, for n_images prefixes. */
double text_chunk_kept_bytes(const struct token_forest *f, const struct clip *c, int64_t n_images);

#endif
