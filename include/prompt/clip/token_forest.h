/**
 * Token rows as a forest: rows that share their first tokens share those nodes. Attention is causal, so a
 * shared token has the same features in every row, and its work is done once.
 */
#ifndef PROMPT_CLIP_TOKEN_FOREST_H
#define PROMPT_CLIP_TOKEN_FOREST_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/torch/fused.h"

struct text_rows;

/** The nodes of some rows, depth first; parents before children. */
struct token_forest {
    int64_t n_rows;
    int64_t *rows; /* [n_rows], index of each row in its list */
    int64_t *ends; /* [n_rows], the node of its end token */
    int64_t n_nodes;
    int64_t *tokens;         /* [n_nodes] */
    int64_t *depths;         /* [n_nodes], 0 for a row's first token */
    struct forest nodes;     /* every node asks */
    struct forest end_nodes; /* only the end nodes ask, in the order of `rows` */
};

/** Forests of at most about `max_nodes` nodes each, cut from the sorted rows; a single row may be longer. */
struct token_forests {
    struct token_forest *items;
    size_t n;
};

void token_forest_deinit(struct token_forest *f);
int token_forests_create(struct token_forests *out, const struct text_rows *rows, int64_t max_nodes);
void token_forests_free(struct token_forests *f);

#endif
