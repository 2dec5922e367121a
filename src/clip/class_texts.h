/*
 * The chunks in which the fast text tower computes a list of classes, with everything of layer 1 that no
 * prefix touches.
 */
#ifndef PROMPT_SRC_CLIP_CLASS_TEXTS_H
#define PROMPT_SRC_CLIP_CLASS_TEXTS_H

#include "fast.h"

/*
 * Rows that are computed together: a token tree, or, if they hold learned vectors, rows of equal length side
 * by side, whose tree is one chain.
 */
struct text_chunk {
    struct token_tree tree;
    int64_t n_rows;   /* C */
    int64_t n_copies; /* of the tree: 1, or C of a chain */
    tensor *x0;       /* embeddings with positions, [1,n,W] accum; NULL with learned vectors */
    tensor *qkv0;     /* layer 1's query, key and value, [1,n,3W] compute; NULL if x0 is, or L = 1 */
    tensor *ends;     /* [tree.n_rows], end nodes of the tree */
    tensor *rows;     /* [C], indices of the rows in their list */
    int64_t *row_ids; /* the same on the host, owned by the list */
};

/** Bytes that a chunk keeps for its backward, for n_images prefixes. */
double text_chunk_kept_bytes(const struct text_chunk *chunk, const struct clip *c, int64_t n_images);

#endif
