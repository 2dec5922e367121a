/*
 * What is constant for a list of classes in the fast text tower: their tokens as forests, in chunks, with
 * everything of layer 1 that no prefix touches.
 */
#ifndef PROMPT_SRC_CLIP_TEXT_LAYOUT_H
#define PROMPT_SRC_CLIP_TEXT_LAYOUT_H

#include "fast.h"
#include "prompt/clip/token_forest.h"

/*
 * Rows that are computed together: a forest of their tokens, or, if they hold learned vectors, a chain that
 * stands for n_copies rows of its length.
 */
struct text_chunk {
    const struct token_forest *forest;
    int64_t n_rows;   /* C */
    int64_t n_copies; /* of the forest: 1, or C */
    tensor *x0;       /* embeddings with positions, [1,n,W] master; NULL with learned vectors */
    tensor *qkv0; /* layer 1's query, key and value, [1,n,3W] products; NULL if x0 is, and for one layer */
    tensor *ends; /* end nodes of the forest */
    tensor *rows; /* places of the rows in the list, [C] */
};

struct text_layout {
    struct token_forests forests;
    struct text_chunk *chunks; /* [forests.n] */
    int64_t *sorted;           /* the chunks' rows one after the other, [K] */
    int64_t n_rows;            /* K */
    int64_t n_prefix;
    bool is_embedded;           /* the rows hold learned vectors */
    tensor *order;              /* for each class its place in the chunks' order, [K] */
    struct token_forest prefix; /* a chain of n_prefix tokens; only its forests are used */
};

/** x += d; the normalized rows in the products' type, [B,n,W]. */
tensor *text_normalized(scope *s, const struct clip *c, tensor *x, const tensor *d, tensor *rstd);

/** Bytes that a chunk keeps for its backward, for n_images prefixes. */
double text_chunk_kept_bytes(const struct text_chunk *chunk, const struct clip *c, int64_t n_images);

#endif
