/* The layout of a list of classes, made once. */
#include "text_layout.h"

#include <stdlib.h>

static const int64_t ROWS_A_CHUNK = 2048; /* of all images; measured flat from 1,024 to 4,096 */

tensor *text_normalized(scope *s, const struct clip *c, tensor *x, const tensor *d, tensor *rstd)
{
    tensor *h = t_empty(s, SHAPE(t_size(x, 0), t_size(x, 1), t_size(x, 2)), c->types.products, c->device);
    t_residual_norm_(s, x, d, h, rstd, 0, c->fast->text.norm_eps);
    return h;
}

static void create_chunk(struct text_chunk *out, scope *run, const struct clip *c,
                         const struct token_forest *f, int64_t n_prefix)
{
    const int64_t n = f->n_nodes, W = c->dims.text.width;
    scope *s = scope_open(run, SCOPE_GRAD_OFF);
    tensor *positions = t_from_i64(s, f->depths, SHAPE(n), c->device);
    positions = t_embedding(s, t_narrow(s, c->text_positions, 0, n_prefix, c->dims.context_length - n_prefix),
                            positions);
    tensor *x0 = t_reshape(s, t_add(s, clip_embed_tokens(s, c, f->tokens, n), positions), SHAPE(1, n, W));
    tensor *qkv0 = NULL;
    if (c->fast->text.n_layers > 1) {
        tensor *h = text_normalized(s, c, t_clone(s, x0), NULL, NULL);
        qkv0 = t_reshape(s, t_packed_linear(s, &c->fast->text.layers[0].qkv, fast_rows(s, h), false),
                         SHAPE(1, n, -1));
    }
    *out = (struct text_chunk){.forest = f,
                               .x0 = scope_keep(s, x0),
                               .qkv0 = scope_keep(s, qkv0),
                               .ends = scope_keep(s, t_from_i64(s, f->ends, SHAPE(f->n_rows), c->device)),
                               .rows = scope_keep(s, t_from_i64(s, f->rows, SHAPE(f->n_rows), c->device))};
    scope_close(s);
}

/* Where each class stands when the chunks' results are put together. */
static int create_order(struct text_layout *l, scope *run, const struct clip *c)
{
    int64_t *order = malloc((size_t)l->n_rows * sizeof *order);
    if (!order)
        return error_out_of_memory();
    int64_t at = 0;
    for (size_t i = 0; i < l->forests.n; i++)
        for (int64_t k = 0; k < l->forests.items[i].n_rows; k++)
            order[l->forests.items[i].rows[k]] = at++;
    l->order = t_from_i64(run, order, SHAPE(l->n_rows), c->device);
    free(order);
    return OK;
}

/* The prefix is a row of n_prefix tokens like any other. */
static int create_prefix(struct token_forests *out, int64_t n_prefix)
{
    int64_t *ids = calloc((size_t)n_prefix, sizeof *ids), end = n_prefix - 1;
    if (!ids)
        return error_out_of_memory();
    const struct text_rows chain = {.n = 1, .n_tokens = n_prefix, .ids = ids, .ends = &end};
    int status = token_forests_create(out, &chain, n_prefix);
    free(ids);
    return status;
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
    const int64_t share = ROWS_A_CHUNK / (n_images > 0 ? n_images : 1);
    int status = token_forests_create(&l->forests, rows, share > 16 ? share : 16);
    if (status == OK && n_prefix > 0) {
        struct token_forests prefix;
        status = create_prefix(&prefix, n_prefix);
        if (status == OK) {
            l->prefix = prefix.items[0];
            free(prefix.items);
        }
    }
    if (status == OK) {
        l->chunks = calloc(l->forests.n, sizeof *l->chunks);
        status = l->chunks ? create_order(l, run, c) : error_out_of_memory();
    }
    for (size_t i = 0; status == OK && i < l->forests.n; i++)
        create_chunk(&l->chunks[i], run, c, &l->forests.items[i], n_prefix);
    if (status == OK)
        status = scope_status(run);
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
    token_forest_deinit(&l->prefix);
    token_forests_free(&l->forests);
    free(l->chunks);
    free(l);
}

/* Per row and layer: two normalized inputs, query, key, value, the MLP's slope. Layer 1's attention input is
 * constant, the last layer has one row a class behind its keys and values. */
double text_chunk_kept_bytes(const struct token_forest *f, const struct clip *c, int64_t n_images)
{
    const double W = (double)c->dims.text.width, L = (double)c->dims.text.n_layers;
    const double n = (double)f->n_nodes, C = (double)f->n_rows, slope = (double)c->dims.text.mlp_width;
    const double values = n * ((L - 1.0) * (5.0 * W + slope) - 4.0 * W) + n * 3.0 * W + C * (3.0 * W + slope);
    return (double)n_images * values * (double)dtype_size(c->types.products);
}

double text_layout_kept_bytes(const struct text_layout *l, const struct clip *c, int64_t n_images)
{
    double bytes = 0.0;
    for (size_t i = 0; i < l->forests.n; i++)
        bytes += text_chunk_kept_bytes(&l->forests.items[i], c, n_images);
    return bytes;
}
