/* The layout of a list of classes, made once. */
#include "text_layout.h"

#include <stdlib.h>

tensor *text_normalized(scope *s, const struct clip *c, tensor *x, const tensor *d, tensor *rstd)
{
    tensor *h = t_empty(s, SHAPE(t_size(x, 0), t_size(x, 1), t_size(x, 2)), c->dtypes.compute, c->device);
    t_residual_norm_(s, x, d, h, rstd, 0, c->fast->text.norm_eps);
    return h;
}

/* What no learned vector touches: the inputs of layer 1 of a token tree. */
static void create_inputs(struct text_chunk *out, scope *run, const struct clip *c, int64_t n_prefix)
{
    const struct token_tree *f = out->tree;
    const int64_t n = f->n_nodes, W = c->dims.text.width;
    scope *s = scope_open(run, SCOPE_GRAD_OFF);
    tensor *positions = t_from_i64(s, f->depths, SHAPE(n), c->device);
    positions = t_embedding(s, t_narrow(s, c->text_positions, 0, n_prefix, c->dims.context_length - n_prefix),
                            positions);
    tensor *x0 = t_reshape(s, t_add(s, clip_embed_tokens(s, c, f->tokens, n), positions), SHAPE(1, n, W));
    if (c->fast->text.n_layers > 1) {
        tensor *h = text_normalized(s, c, t_clone(s, x0), NULL, NULL);
        h = t_packed_linear(s, &c->fast->text.layers[0].qkv, fast_rows(s, h));
        out->qkv0 = scope_keep(s, t_reshape(s, h, SHAPE(1, n, -1)));
    }
    out->x0 = scope_keep(s, x0);
    scope_close(s);
}

/* A row of n tokens like any other: the prefix, or rows with learned vectors. */
static int create_chain(struct token_tree *out, int64_t n)
{
    int64_t *ids = calloc((size_t)n, sizeof *ids), end = n - 1;
    if (!ids)
        return error_out_of_memory();
    const struct text_rows chain = {.n = 1, .n_tokens = n, .ids = ids, .ends = &end};
    struct token_trees one;
    int status = token_trees_create(&one, &chain, n);
    free(ids);
    if (status != OK)
        return status;
    *out = one.items[0];
    free(one.items);
    return OK;
}

/* Token trees; the rows' order is theirs. */
static int create_trees(struct text_layout *l, const struct text_rows *rows, int64_t max_nodes)
{
    int status = token_trees_create(&l->trees, rows, max_nodes);
    int64_t n = 0;
    for (size_t i = 0; status == OK && i < l->trees.n; i++) {
        const struct token_tree *f = &l->trees.items[i];
        l->chunks[i] = (struct text_chunk){.tree = f, .n_rows = f->n_rows, .n_copies = 1};
        for (int64_t k = 0; k < f->n_rows; k++)
            l->sorted[n++] = f->rows[k];
    }
    return status;
}

/* Rows that hold learned vectors: by length, the shortest first. */
static int create_chains(struct text_layout *l, const struct text_rows *rows, int64_t max_nodes)
{
    l->trees.items = calloc((size_t)rows->n, sizeof *l->trees.items); /* at most one a row */
    int status = l->trees.items ? OK : error_out_of_memory();
    int64_t n = 0;
    for (int64_t end = 0; end < rows->n_tokens; end++) {
        struct text_chunk *chunk = NULL;
        for (int64_t k = 0; status == OK && k < rows->n; k++) {
            if (rows->ends[k] != end)
                continue;
            if (!chunk || (chunk->n_rows + 1) * (end + 1) > max_nodes) {
                struct token_tree *f = &l->trees.items[l->trees.n];
                status = create_chain(f, end + 1);
                chunk = &l->chunks[l->trees.n];
                l->trees.n += status == OK;
                chunk->tree = f;
            }
            chunk->n_copies = ++chunk->n_rows;
            l->sorted[n++] = k;
        }
    }
    return status;
}

/* Off the CPU attention would make it at every call, which stops the device; a CPU's kernels need none. */
static const tensor *attention_mask(scope *run, const struct clip *c, const struct tree_mask *f,
                                    int64_t n_prefix)
{
    return c->device.kind == DEVICE_CPU ? NULL : t_tree_mask(run, f, n_prefix, c->dtypes.compute, c->device);
}

/* The chunks' tensors, and where each row stands when the chunks' results are put together. */
static int create_tensors(struct text_layout *l, scope *run, const struct clip *c)
{
    int64_t *order = malloc((size_t)l->n_rows * sizeof *order);
    if (!order)
        return error_out_of_memory();
    for (int64_t at = 0; at < l->n_rows; at++)
        order[l->sorted[at]] = at;
    l->order = t_from_i64(run, order, SHAPE(l->n_rows), c->device);
    free(order);
    const int64_t *rows = l->sorted;
    for (size_t i = 0; i < l->trees.n; i++) {
        struct text_chunk *chunk = &l->chunks[i];
        chunk->ends = t_from_i64(run, chunk->tree->ends, SHAPE(chunk->tree->n_rows), c->device);
        chunk->rows = t_from_i64(run, rows, SHAPE(chunk->n_rows), c->device);
        struct token_tree *f = &l->trees.items[i];
        f->mask.dense = attention_mask(run, c, &f->mask, l->n_prefix);
        f->end_mask.dense = attention_mask(run, c, &f->end_mask, l->n_prefix);
        rows += chunk->n_rows;
        if (!l->is_embedded)
            create_inputs(chunk, run, c, l->n_prefix);
    }
    if (l->n_prefix > 0) /* its last layer has keys and values alone */
        l->prefix.mask.dense = attention_mask(run, c, &l->prefix.mask, 0);
    return scope_status(run);
}

/* Of all images' rows a chunk has so many nodes. */
static int64_t nodes_a_chunk(const struct clip *c, int64_t n_images, bool is_tree)
{
    const bool on_cpu = c->device.kind == DEVICE_CPU;
    const int64_t rows = on_cpu ? CLIP_TEXT_CHUNK_ROWS : CLIP_TEXT_CHUNK_ROWS_CUDA;
    int64_t n = rows / (n_images > 0 ? n_images : 1);
    if (!on_cpu && is_tree && n > CLIP_TEXT_TREE_NODES_CUDA)
        n = CLIP_TEXT_TREE_NODES_CUDA;
    return n > 16 ? n : 16;
}

int text_layout_create(struct text_layout **out, scope *run, const struct clip *c,
                       const struct text_rows *rows, int64_t n_prefix, int64_t n_images)
{
    *out = NULL;
    struct text_layout *l = calloc(1, sizeof *l);
    if (!l)
        return error_out_of_memory();
    l->n_rows = rows->n;
    l->n_prefix = n_prefix;
    l->is_embedded = rows->n_places > 0;
    l->chunks = calloc((size_t)rows->n, sizeof *l->chunks); /* at most one a row */
    l->sorted = malloc((size_t)rows->n * sizeof *l->sorted);
    const int64_t max_nodes = nodes_a_chunk(c, n_images, !l->is_embedded);
    int status = l->chunks && l->sorted ? OK : error_out_of_memory();
    if (status == OK)
        status = l->is_embedded ? create_chains(l, rows, max_nodes) : create_trees(l, rows, max_nodes);
    if (status == OK && n_prefix > 0)
        status = create_chain(&l->prefix, n_prefix);
    if (status == OK)
        status = create_tensors(l, run, c);
    if (status != OK)
        text_layout_free(l);
    else
        *out = l;
    return status;
}

void text_layout_free(struct text_layout *l)
{
    if (!l)
        return;
    token_tree_deinit(&l->prefix);
    token_trees_free(&l->trees);
    free(l->chunks);
    free(l->sorted);
    free(l);
}

/* Per row and layer: two normalized inputs, query, key, value, the MLP's slope. Layer 1's attention input may
 * be constant, the last layer has one row a class behind its keys and values. */
double text_chunk_kept_bytes(const struct text_chunk *chunk, const struct clip *c, int64_t n_images)
{
    const struct token_tree *f = chunk->tree;
    const double W = (double)c->dims.text.width, L = (double)c->dims.text.n_layers;
    const double n = (double)f->n_nodes, C = (double)f->n_rows, slope = (double)c->dims.text.mlp_width;
    const double constant = chunk->qkv0 ? 4.0 * W : 0.0;
    const double values =
        n * ((L - 1.0) * (5.0 * W + slope) - constant) + n * 3.0 * W + C * (3.0 * W + slope);
    return (double)(n_images * chunk->n_copies) * values * (double)dtype_size(c->dtypes.compute);
}

double text_layout_kept_bytes(const struct text_layout *l, const struct clip *c, int64_t n_images)
{
    double bytes = 0.0;
    for (size_t i = 0; i < l->trees.n; i++)
        bytes += text_chunk_kept_bytes(&l->chunks[i], c, n_images);
    return bytes;
}

double text_layout_part_bytes(const struct text_layout *l, const struct clip *c, int64_t n_images)
{
    double largest = 0.0;
    for (size_t i = 0; i < l->trees.n; i++) {
        const double bytes = text_chunk_kept_bytes(&l->chunks[i], c, n_images);
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

int64_t text_layout_part_rows(const struct text_layout *l)
{
    int64_t most = 0;
    for (size_t i = 0; i < l->trees.n; i++) {
        const int64_t n = l->chunks[i].n_copies * l->chunks[i].tree->n_nodes;
        most = n > most ? n : most;
    }
    return most;
}
