/**
 * Rows of tokens as trees: rows that share their first tokens share those nodes. Attention is causal, so a
 * shared token has the same features in every row and is computed once.
 */
#ifndef PROMPT_CLIP_TOKEN_TREE_H
#define PROMPT_CLIP_TOKEN_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/clip/token_rows.h"
#include "prompt/torch/fused.h"

/** The nodes of some rows, depth first; parents before children. The prefix before all rows is its root. */
struct token_tree {
    int64_t n_rows;
    int64_t *rows; /* [n_rows], index of each row in its list */
    int64_t *ends; /* [n_rows], the node of its end token */
    int64_t n_nodes;
    int64_t *tokens;           /* [n_nodes] */
    int64_t *depths;           /* [n_nodes], 0 for a row's first token */
    struct tree_mask mask;     /* every node is a query */
    struct tree_mask end_mask; /* the end nodes are the queries, in the order of `rows` */
};
void token_tree_deinit(struct token_tree *t);

/** Trees of at most about `max_nodes` nodes each, cut from the sorted rows; a single row may be longer. */
struct token_trees {
    struct token_tree *items; /* owned */
    size_t n;
};
int token_trees_create(struct token_trees *out, const struct token_rows *rows, int64_t max_nodes);
void token_trees_free(struct token_trees *t);

#endif
