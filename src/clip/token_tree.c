/* Rows of tokens to token trees. */
#include "prompt/clip/token_tree.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/clip/clip.h"

/* ---------------------------------------------------------------- order */

/* A row as it is sorted: its tokens up to and with the end token. */
struct sorted_row {
    const int64_t *tokens;
    int64_t n;
    int64_t index;
};

static int compare_rows(const void *a, const void *b)
{
    const struct sorted_row *x = a, *y = b;
    for (int64_t i = 0; i < x->n && i < y->n; i++)
        if (x->tokens[i] != y->tokens[i])
            return x->tokens[i] < y->tokens[i] ? -1 : 1;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index; /* equal names stay in order */
}

static int64_t n_shared(const struct sorted_row *a, const struct sorted_row *b)
{
    int64_t n = 0;
    while (n < a->n && n < b->n && a->tokens[n] == b->tokens[n])
        n++;
    return n;
}

/* ---------------------------------------------------------------- one tree */

void token_tree_deinit(struct token_tree *f)
{
    free(f->rows);
    free(f->ends);
    free(f->tokens);
    free(f->depths);
    free((void *)(uintptr_t)f->mask.first);
    free((void *)(uintptr_t)f->mask.seen);
    free((void *)(uintptr_t)f->end_mask.first);
    free((void *)(uintptr_t)f->end_mask.seen);
    *f = (struct token_tree){0};
}

/* Whom each of `asking` sees: its ancestors and itself, from the first token on. `parents` of a root is -1.
 */
static int list_seen(struct tree_mask *out, const struct token_tree *f, const int64_t *parents,
                     const int64_t *asking, int64_t n_asking)
{
    int64_t n_seen = 0, most = 0;
    for (int64_t i = 0; i < n_asking; i++) {
        n_seen += f->depths[asking[i]] + 1;
        most = f->depths[asking[i]] + 1 > most ? f->depths[asking[i]] + 1 : most;
    }
    int32_t *first = malloc(((size_t)n_asking + 1) * sizeof *first),
            *seen = malloc((size_t)n_seen * sizeof *seen);
    *out = (struct tree_mask){
        .n_nodes = f->n_nodes, .n_queries = n_asking, .first = first, .seen = seen, .n_seen_max = most};
    if (!first || !seen)
        return error_out_of_memory();
    first[0] = 0;
    for (int64_t i = 0; i < n_asking; i++) {
        first[i + 1] = first[i] + (int32_t)f->depths[asking[i]] + 1;
        int32_t at = first[i + 1];
        for (int64_t node = asking[i]; node >= 0; node = parents[node])
            seen[--at] = (int32_t)node;
    }
    return OK;
}

/* Adds the tokens that a row does not share with the row before it; `path` holds the nodes of that row. */
static void add_row(struct token_tree *f, const struct sorted_row *row, int64_t n_common, int64_t *parents,
                    int64_t *path)
{
    for (int64_t d = n_common; d < row->n; d++) {
        const int64_t node = f->n_nodes++;
        f->tokens[node] = row->tokens[d];
        f->depths[node] = d;
        parents[node] = d > 0 ? path[d - 1] : -1;
        path[d] = node;
    }
    f->rows[f->n_rows] = row->index;
    f->ends[f->n_rows++] = path[row->n - 1];
}

static int tree_create(struct token_tree *out, const struct sorted_row *rows, int64_t n_rows, int64_t n_nodes)
{
    *out = (struct token_tree){0};
    struct token_tree f = {0};
    int64_t longest = 0;
    for (int64_t i = 0; i < n_rows; i++)
        longest = rows[i].n > longest ? rows[i].n : longest;
    f.rows = malloc(((size_t)n_rows + 1) * sizeof *f.rows);
    f.ends = malloc(((size_t)n_rows + 1) * sizeof *f.ends);
    f.tokens = malloc(((size_t)n_nodes + 1) * sizeof *f.tokens);
    f.depths = malloc(((size_t)n_nodes + 1) * sizeof *f.depths);
    int64_t *every = malloc(((size_t)n_nodes + 1) * sizeof *every),
            *parents = malloc(((size_t)n_nodes + 1) * sizeof *parents);
    int64_t *path = malloc(((size_t)longest + 1) * sizeof *path);
    int status =
        f.rows && f.ends && f.tokens && f.depths && every && parents && path ? OK : error_out_of_memory();
    if (status == OK) {
        for (int64_t i = 0; i < n_rows; i++)
            add_row(&f, &rows[i], i > 0 ? n_shared(&rows[i - 1], &rows[i]) : 0, parents, path);
        for (int64_t i = 0; i < n_nodes; i++)
            every[i] = i;
        status = list_seen(&f.mask, &f, parents, every, f.n_nodes);
    }
    if (status == OK)
        status = list_seen(&f.end_mask, &f, parents, f.ends, f.n_rows);
    free(every);
    free(parents);
    free(path);
    if (status != OK)
        token_tree_deinit(&f);
    else
        *out = f;
    return status;
}

/* ---------------------------------------------------------------- all rows */

static int cut(struct token_trees *out, const struct sorted_row *rows, int64_t n_rows, int64_t max_nodes)
{
    out->items = calloc((size_t)n_rows, sizeof *out->items); /* at most one tree a row */
    if (!out->items)
        return error_out_of_memory();
    int status = OK;
    for (int64_t begin = 0; status == OK && begin < n_rows;) {
        int64_t n_nodes = rows[begin].n, end = begin + 1;
        for (; end < n_rows; end++) {
            const int64_t n_new = rows[end].n - n_shared(&rows[end - 1], &rows[end]);
            if (n_nodes + n_new > max_nodes)
                break;
            n_nodes += n_new;
        }
        status = tree_create(&out->items[out->n], rows + begin, end - begin, n_nodes);
        out->n += status == OK;
        begin = end;
    }
    return status;
}

int token_trees_create(struct token_trees *out, const struct text_rows *rows, int64_t max_nodes)
{
    *out = (struct token_trees){0};
    struct sorted_row *sorted = malloc((size_t)rows->n * sizeof *sorted);
    if (!sorted)
        return error_out_of_memory();
    for (int64_t i = 0; i < rows->n; i++)
        sorted[i] = (struct sorted_row){rows->ids + i * rows->n_tokens, rows->ends[i] + 1, i};
    qsort(sorted, (size_t)rows->n, sizeof *sorted, compare_rows);
    int status = cut(out, sorted, rows->n, max_nodes);
    free(sorted);
    if (status != OK)
        token_trees_free(out);
    return status;
}

void token_trees_free(struct token_trees *f)
{
    for (size_t i = 0; i < f->n; i++)
        token_tree_deinit(&f->items[i]);
    free(f->items);
    *f = (struct token_trees){0};
}
