/* Rows of tokens to token trees. */
#include "prompt/clip/token_tree.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- order */

/* A row to be sorted: its tokens up to and with the end token. */
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

static void free_mask(struct tree_mask *m)
{
    free((void *)(uintptr_t)m->first);
    free((void *)(uintptr_t)m->seen);
}

void token_tree_deinit(struct token_tree *t)
{
    free(t->rows);
    free(t->ends);
    free(t->tokens);
    free(t->depths);
    free_mask(&t->mask);
    free_mask(&t->end_mask);
    *t = (struct token_tree){0};
}

/* The nodes that each query sees: its ancestors and itself, from the first token on. A root's parent is -1. */
static int list_seen(struct tree_mask *out, const struct token_tree *t, const int64_t *parents,
                     const int64_t *queries, int64_t n_queries)
{
    int64_t n_seen = 0, most = 0;
    for (int64_t i = 0; i < n_queries; i++) {
        const int64_t n = t->depths[queries[i]] + 1;
        n_seen += n;
        most = n > most ? n : most;
    }
    int32_t *first = malloc(((size_t)n_queries + 1) * sizeof *first);
    int32_t *seen = malloc((size_t)n_seen * sizeof *seen);
    *out = (struct tree_mask){
        .n_nodes = t->n_nodes, .n_queries = n_queries, .first = first, .seen = seen, .n_seen_max = most};
    if (!first || !seen)
        return error_out_of_memory();
    first[0] = 0;
    for (int64_t i = 0; i < n_queries; i++) {
        first[i + 1] = first[i] + (int32_t)t->depths[queries[i]] + 1;
        int32_t at = first[i + 1];
        for (int64_t node = queries[i]; node >= 0; node = parents[node])
            seen[--at] = (int32_t)node;
    }
    return OK;
}

/* Adds the tokens that a row does not share with the row before it; `path` holds the nodes of that row. */
static void add_row(struct token_tree *t, const struct sorted_row *row, int64_t n_common, int64_t *parents,
                    int64_t *path)
{
    for (int64_t d = n_common; d < row->n; d++) {
        const int64_t node = t->n_nodes++;
        t->tokens[node] = row->tokens[d];
        t->depths[node] = d;
        parents[node] = d > 0 ? path[d - 1] : -1;
        path[d] = node;
    }
    t->rows[t->n_rows] = row->index;
    t->ends[t->n_rows++] = path[row->n - 1];
}

static int64_t *allocate(int64_t n)
{
    return malloc(((size_t)n + 1) * sizeof(int64_t));
}

static int tree_create(struct token_tree *out, const struct sorted_row *rows, int64_t n_rows, int64_t n_nodes)
{
    struct token_tree *t = out;
    int64_t longest = 0;
    for (int64_t i = 0; i < n_rows; i++)
        longest = rows[i].n > longest ? rows[i].n : longest;
    *t = (struct token_tree){.rows = allocate(n_rows),
                             .ends = allocate(n_rows),
                             .tokens = allocate(n_nodes),
                             .depths = allocate(n_nodes)};
    int64_t *every = allocate(n_nodes), *parents = allocate(n_nodes), *path = allocate(longest);
    int status = OK;
    if (!t->rows || !t->ends || !t->tokens || !t->depths || !every || !parents || !path) {
        status = error_out_of_memory();
        goto done;
    }
    for (int64_t i = 0; i < n_rows; i++)
        add_row(t, &rows[i], i > 0 ? n_shared(&rows[i - 1], &rows[i]) : 0, parents, path);
    for (int64_t i = 0; i < n_nodes; i++)
        every[i] = i;
    if ((status = list_seen(&t->mask, t, parents, every, t->n_nodes)) == OK)
        status = list_seen(&t->end_mask, t, parents, t->ends, t->n_rows);
done:
    free(every);
    free(parents);
    free(path);
    if (status != OK)
        token_tree_deinit(t);
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

int token_trees_create(struct token_trees *out, const struct token_rows *rows, int64_t max_nodes)
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

void token_trees_free(struct token_trees *t)
{
    for (size_t i = 0; i < t->n; i++)
        token_tree_deinit(&t->items[i]);
    free(t->items);
    *t = (struct token_trees){0};
}
