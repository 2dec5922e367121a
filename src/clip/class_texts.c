/* The layout of a list of classes. */
#include "class_texts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "prompt/base/share.h"
#include "prompt/ranks/ranks.h"

/* ---------------------------------------------------------------- chunks of rows */

/* A chunk of token trees; the order of the rows is theirs. */
static int create_trees(struct class_texts *out, int64_t *sorted, int64_t max_nodes)
{
    struct token_trees trees;
    int status = token_trees_create(&trees, out->rows, max_nodes);
    if (status != OK)
        return status;
    for (size_t i = 0; i < trees.n; i++) {
        const struct token_tree *tree = &trees.items[i];
        out->chunks[i] = (struct text_chunk){.tree = *tree, .n_rows = tree->n_rows, .n_copies = 1};
        for (int64_t k = 0; k < tree->n_rows; k++)
            *sorted++ = tree->rows[k];
    }
    out->n_chunks = trees.n;
    free(trees.items); /* the chunks have taken its members */
    return OK;
}

/* The tree of a single row of n tokens, whatever they are. */
static int create_chain(struct token_tree *out, int64_t n)
{
    struct token_rows chain;
    struct token_trees one = {0};
    int status = token_rows_create(&chain, 1, n);
    if (status == OK) {
        chain.ends[0] = n - 1;
        status = token_trees_create(&one, &chain, n);
    }
    if (status == OK)
        *out = one.items[0];
    free(one.items);
    token_rows_free(&chain);
    return status;
}

/* Rows that share nothing: by length, the shortest first. */
static int create_chains(struct class_texts *out, int64_t *sorted, int64_t max_nodes)
{
    const struct token_rows *rows = out->rows;
    for (int64_t end = 0; end < rows->n_tokens; end++) {
        struct text_chunk *chunk = NULL;
        for (int64_t k = 0; k < rows->n; k++) {
            if (rows->ends[k] != end)
                continue;
            if (!chunk || (chunk->n_rows + 1) * (end + 1) > max_nodes) {
                chunk = &out->chunks[out->n_chunks];
                int status = create_chain(&chunk->tree, end + 1);
                if (status != OK)
                    return status;
                out->n_chunks++;
            }
            chunk->n_copies = ++chunk->n_rows;
            *sorted++ = k;
        }
    }
    return OK;
}

/* The nodes of one image that a chunk has at most. */
static int64_t max_nodes_of(const struct clip *c, int64_t n_images, bool has_trees)
{
    const bool on_cpu = c->device.kind == DEVICE_CPU;
    const int64_t rows = on_cpu ? CLIP_TEXT_CHUNK_ROWS : CLIP_TEXT_CHUNK_ROWS_CUDA;
    int64_t n = rows / (n_images > 0 ? n_images : 1);
    if (!on_cpu && has_trees && n > CLIP_TEXT_TREE_NODES_CUDA)
        n = CLIP_TEXT_TREE_NODES_CUDA;
    return n > 16 ? n : 16;
}

/* ---------------------------------------------------------------- tensors */

/* The inputs of layer 1, which no learned vector touches. */
static void create_inputs(struct text_chunk *out, scope *owner, const struct clip *c, int64_t n_prefix)
{
    const struct token_tree *tree = &out->tree;
    const struct fast_tower *t = &c->fast->text;
    const int64_t n = tree->n_nodes, W = t->width;
    scope *s = scope_open(owner, SCOPE_GRAD_OFF);
    tensor *after_prefix = t_narrow(s, c->text_positions, 0, n_prefix, c->dims.context_length - n_prefix);
    tensor *positions = t_embedding(s, after_prefix, t_from_i64(s, tree->depths, SHAPE(n), c->device));
    tensor *x0 = t_reshape(s, t_add(s, clip_embed_tokens(s, c, tree->tokens, n), positions), SHAPE(1, n, W));
    if (t->n_layers > 1) {
        tensor *h = fast_normalized(s, c, t, t_clone(s, x0), NULL, NULL);
        h = fast_linear(s, c, t, 0, FAST_QKV, fast_rows(s, h));
        out->qkv0 = scope_keep(s, t_reshape(s, h, SHAPE(1, n, -1)));
    }
    out->x0 = scope_keep(s, x0);
    scope_close(s);
}

/* Our kernels on a CPU need no dense mask. Elsewhere attention would make it at every call, which waits for
 * the device. */
static const tensor *dense_mask(scope *owner, const struct clip *c, const struct tree_mask *m,
                                int64_t n_prefix)
{
    return c->device.kind == DEVICE_CPU ? NULL
                                        : t_tree_mask(owner, m, n_prefix, c->dtypes.compute, c->device);
}

/* The chunks' tensors, and each row's index when the chunks' results are put together. */
static int create_tensors(struct class_texts *out, scope *owner, const struct clip *c)
{
    const int64_t K = out->rows->n;
    int64_t *sorted = out->sorted;
    int64_t *order = malloc((size_t)K * sizeof *order);
    if (!order)
        return error_out_of_memory();
    for (int64_t at = 0; at < K; at++)
        order[sorted[at]] = at;
    out->order = t_from_i64(owner, order, SHAPE(K), c->device);
    free(order);
    for (size_t i = 0; i < out->n_chunks; i++) {
        struct text_chunk *chunk = &out->chunks[i];
        struct token_tree *tree = &chunk->tree;
        chunk->ends = t_from_i64(owner, tree->ends, SHAPE(tree->n_rows), c->device);
        chunk->row_ids = sorted;
        chunk->rows = t_from_i64(owner, sorted, SHAPE(chunk->n_rows), c->device);
        tree->mask.dense = dense_mask(owner, c, &tree->mask, out->n_prefix);
        tree->end_mask.dense = dense_mask(owner, c, &tree->end_mask, out->n_prefix);
        sorted += chunk->n_rows;
        if (token_rows_share(out->rows))
            create_inputs(chunk, owner, c, out->n_prefix);
    }
    if (out->n_prefix > 0) /* its last layer computes keys and values alone */
        out->prefix.mask.dense = dense_mask(owner, c, &out->prefix.mask, 0);
    return scope_status(owner);
}

/* ---------------------------------------------------------------- rows that are embedded whole */

static int create_tokens(struct class_texts *out, scope *owner, const struct clip *c)
{
    const struct token_rows *rows = out->rows;
    const int64_t K = rows->n, T = rows->n_tokens, P = rows->n_learned;
    int64_t *ids = malloc((size_t)(2 * K * T) * sizeof *ids);
    if (!ids)
        return error_out_of_memory();
    int64_t *picks = ids + K * T;
    for (int64_t i = 0; i < K * T; i++) {
        ids[i] = rows->ids[i] < 0 ? 0 : rows->ids[i];
        picks[i] = rows->ids[i] < 0 ? -1 - rows->ids[i] : P + i % T;
    }
    out->tokens = t_from_i64(owner, ids, SHAPE(K, T), c->device);
    if (P > 0)
        out->picks = t_from_i64(owner, picks, SHAPE(K, T, 1), c->device);
    free(ids);
    return scope_status(owner);
}

static int create_ends(struct class_texts *out, scope *owner, const struct clip *c)
{
    const int64_t K = out->rows->n;
    int64_t *ends = malloc((size_t)K * sizeof *ends);
    if (!ends)
        return error_out_of_memory();
    for (int64_t k = 0; k < K; k++)
        ends[k] = out->n_prefix + out->rows->ends[k];
    out->ends = t_from_i64(owner, ends, SHAPE(K), c->device);
    free(ends);
    return scope_status(owner);
}

/* ---------------------------------------------------------------- create and free */

static int create_chunks(struct class_texts *out, scope *owner, const struct clip *c, int64_t n_images)
{
    const bool has_trees = token_rows_share(out->rows);
    const size_t K = (size_t)out->rows->n;
    const int64_t max_nodes = max_nodes_of(c, n_images, has_trees);
    int64_t *sorted = out->sorted = malloc(K * sizeof *sorted);
    out->chunks = calloc(K, sizeof *out->chunks); /* at most one a row */
    int status = OK;
    if ((status = sorted && out->chunks ? OK : error_out_of_memory()) == OK &&
        (status = has_trees ? create_trees(out, sorted, max_nodes) : create_chains(out, sorted, max_nodes)) ==
            OK &&
        (status = out->n_prefix > 0 ? create_chain(&out->prefix, out->n_prefix) : OK) == OK)
        status = create_tensors(out, owner, c);
    return status;
}

int class_texts_create(struct class_texts *out, scope *owner, const struct clip *c,
                       const struct token_rows *rows, int64_t n_prefix, int64_t n_images,
                       const tensor *caption_features)
{
    *out = (struct class_texts){.rows = rows,
                                .n_prefix = n_prefix,
                                .caption_features = caption_features,
                                .keep_bytes = (double)INFINITY};
    int status = OK;
    if (n_prefix + rows->n_tokens > c->dims.context_length)
        status = error_set(ERR_SHAPE,
                           "a prefix of %" PRId64 " and a row of %" PRId64
                           " tokens do not fit into the context of %" PRId64,
                           n_prefix, rows->n_tokens, c->dims.context_length);
    if (status == OK && c->fast)
        status = create_chunks(out, owner, c, n_images);
    if (status == OK && !c->fast)
        status = create_ends(out, owner, c);
    if (status == OK && (!c->fast || !token_rows_share(rows)))
        status = create_tokens(out, owner, c);
    if (status != OK)
        class_texts_free(out);
    return status;
}

int class_texts_divide(struct class_texts *texts, scope *owner, const struct clip *c, struct ranks *ranks,
                       int64_t n_images)
{
    if (ranks_size(ranks) == 1)
        return OK;
    struct text_division *d = texts->division = calloc(1, sizeof *d);
    if (!d)
        return error_out_of_memory();
    const struct share share = share_of(texts->rows->n, ranks_rank(ranks), ranks_size(ranks));
    d->ranks = ranks;
    d->first = share.first;
    d->rows = *texts->rows;
    d->rows.n = share.n;
    d->rows.ids += share.first * d->rows.n_tokens;
    d->rows.ends += share.first;
    return class_texts_create(&d->own, owner, c, &d->rows, texts->n_prefix, n_images, NULL);
}

struct class_texts *class_texts_own(struct class_texts *texts)
{
    return texts->division ? &texts->division->own : texts;
}

void class_texts_free(struct class_texts *texts)
{
    if (texts->division)
        class_texts_free(&texts->division->own);
    free(texts->division);
    for (size_t i = 0; i < texts->n_chunks; i++)
        token_tree_deinit(&texts->chunks[i].tree);
    free(texts->chunks);
    free(texts->sorted);
    free(texts->trained_rows);
    token_tree_deinit(&texts->prefix);
    *texts = (struct class_texts){0};
}

/* ---------------------------------------------------------------- memory */

/* Per node and layer: two normalized inputs, query, key, value, the MLP's slope. Layer 1's attention input may
 * be constant; the last layer has one row a class after its keys and values. */
double text_chunk_kept_bytes(const struct text_chunk *chunk, const struct clip *c, int64_t n_images)
{
    const struct token_tree *tree = &chunk->tree;
    const double W = (double)c->dims.text.width, L = (double)c->dims.text.n_layers;
    const double n = (double)tree->n_nodes, C = (double)tree->n_rows, slope = (double)c->dims.text.mlp_width;
    const double constant = chunk->qkv0 ? 4.0 * W : 0.0;
    const double values =
        n * ((L - 1.0) * (5.0 * W + slope) - constant) + n * 3.0 * W + C * (3.0 * W + slope);
    return (double)(n_images * chunk->n_copies) * values * (double)dtype_size(c->dtypes.compute);
}
