/*
 * What is constant for a list of classes in the fast text tower: their tokens as token trees, in chunks, with
 * everything of layer 1 that no prefix touches.
 */
#ifndef PROMPT_SRC_CLIP_TEXT_LAYOUT_H
#define PROMPT_SRC_CLIP_TEXT_LAYOUT_H

#include "fast.h"
#include "prompt/clip/token_tree.h"

/*
 * Rows that are computed together: a tree of their tokens, or, if they hold learned vectors, a chain that
 * stands for n_copies rows of its length.
 */
struct text_chunk {
    const struct token_tree *tree;
    int64_t n_rows;   /* C */
    int64_t n_copies; /* of the tree: 1, or C */
    tensor *x0;       /* embeddings with positions, [1,n,W] accum; NULL with learned vectors */
    tensor *qkv0;     /* layer 1's query, key and value, [1,n,3W] compute; NULL if x0 is, and for one layer */
    tensor *ends;     /* end nodes of the tree */
    tensor *rows;     /* places of the rows in the list, [C] */
};

struct text_layout {
    struct token_trees trees;
    struct text_chunk *chunks; /* [trees.n] */
    int64_t *sorted;           /* the chunks' rows one after the other, [K] */
    int64_t n_rows;            /* K */
    int64_t n_prefix;
    bool is_embedded;         /* the rows hold learned vectors */
    tensor *order;            /* for each class its place in the chunks' order, [K] */
    struct token_tree prefix; /* a chain of n_prefix tokens; only its masks are used */
};

/** x += d; the normalized rows in the compute dtype, [B,n,W]. */
tensor *text_normalized(scope *s, const struct clip *c, tensor *x, const tensor *d, tensor *rstd);

/** Bytes that a chunk keeps for its backward, for n_images prefixes. */
double text_chunk_kept_bytes(const struct text_chunk *chunk, const struct clip *c, int64_t n_images);

#endif
