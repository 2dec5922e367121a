/**
 * Token rows as trees: rows that share their first tokens share those nodes. Attention is causal, so a
 * shared token has the same features in every row, and its work is done once.
 */
#ifndef PROMPT_CLIP_TOKEN_FOREST_H
#define PROMPT_CLIP_TOKEN_FOREST_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/torch/fused.h"

struct text_rows;

/** The nodes of some rows, depth first; parents before children. */
struct token_tree {
    int64_t n_rows;
    int64_t *rows; /* [n_rows], index of each row in its list */
    int64_t *ends; /* [n_rows], the node of its end token */
    int64_t n_nodes;
    int64_t *tokens;           /* [n_nodes] */
    int64_t *depths;           /* [n_nodes], 0 for a row's first token */
    struct tree_mask mask;     /* every node asks */
    struct tree_mask end_mask; /* only the end nodes ask, in the order of `rows` */
};

/** Trees of at most about `max_nodes` nodes each, cut from the sorted rows; a single row may be longer. */
struct token_trees {
    struct token_tree *items;
    size_t n;
};

void token_tree_deinit(struct token_tree *f);
int token_trees_create(struct token_trees *out, const struct text_rows *rows, int64_t max_nodes);
void token_trees_free(struct token_trees *f);

#endif
