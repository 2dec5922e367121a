/* Packed layers, and the halves of a block that both fast towers have in common. */
#include "fast.h"

#include <math.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- folding and packing */

struct folded {
    tensor *weight; /* [out,in] accum */
    tensor *bias;   /* [out] accum, or NULL */
};

/* W (scale * n + shift) + b = (W scale) n + (W shift + b), n the normalized input. */
static struct folded fold_norm(scope *s, const struct nn_norm *norm, const struct nn_linear *l)
{
    tensor *shift = t_matmul(s, l->weight, norm->bias);
    return (struct folded){.weight = t_mul(s, l->weight, norm->weight),
                           .bias = l->bias ? t_add(s, shift, l->bias) : shift};
}

static struct folded scaled(scope *s, struct folded f, double factor)
{
    return (struct folded){t_scale(s, f.weight, factor), f.bias ? t_scale(s, f.bias, factor) : NULL};
}

/* The output's rows from `first` to `first`+n. */
static struct folded rows_of(scope *s, struct folded f, int64_t first, int64_t n)
{
    return (struct folded){t_narrow(s, f.weight, 0, first, n), t_narrow(s, f.bias, 0, first, n)};
}

static struct folded joined(scope *s, struct folded a, struct folded b)
{
    return (struct folded){t_cat(s, TENSORS(a.weight, b.weight), 0), t_cat(s, TENSORS(a.bias, b.bias), 0)};
}

static struct packed_linear pack(scope *owner, const struct clip *c, struct folded f, int64_t n_rows)
{
    tensor *bias = f.bias ? t_contiguous(owner, t_to(owner, f.bias, c->dtypes.compute)) : NULL;
    scope *s = scope_open(owner, SCOPE_GRAD_OFF);
    struct packed_linear l = t_pack_linear(owner, t_to(s, f.weight, c->dtypes.compute), bias, n_rows);
    scope_close(s);
    return l;
}

static struct fast_layer create_layer(scope *owner, const struct clip *c, const struct fast_tower *t,
                                      const struct nn_block *b, int64_t i, int64_t n_rows)
{
    scope *s = scope_open(owner, SCOPE_GRAD_OFF);
    const int64_t W = t->width;
    const bool is_first = i == 0, is_last = i == t->n_layers - 1;
    const double gate = b->activation == ACTIVATION_QUICK_GELU ? 1.702 : 1.0;

    struct folded qkv = fold_norm(s, &b->norm1, &b->qkv);
    struct folded q = scaled(s, rows_of(s, qkv, 0, W), 1.0 / sqrt((double)(W / t->n_heads)));
    struct folded kv = rows_of(s, qkv, W, 2 * W);
    struct fast_layer l = {0};
    if (!is_last)
        l.qkv = pack(owner, c, joined(s, q, kv), n_rows);
    if (is_last)
        l.q = pack(owner, c, q, n_rows);
    if (is_first || is_last)
        l.kv = pack(owner, c, kv, n_rows);
    l.attention_out =
        pack(owner, c,
             (struct folded){t_clone(s, b->attention_out.weight), t_clone(s, b->attention_out.bias)}, n_rows);
    l.mlp_in = pack(owner, c, scaled(s, fold_norm(s, &b->norm2, &b->mlp_in), gate), n_rows);
    l.mlp_out =
        pack(owner, c,
             (struct folded){t_scale(s, b->mlp_out.weight, 1.0 / gate), t_clone(s, b->mlp_out.bias)}, n_rows);
    scope_close(s);
    return l;
}

static int create_tower(struct fast_tower *t, scope *owner, const struct clip *c,
                        const struct tower_dims *dims, const struct nn_block *blocks,
                        const struct nn_norm *norm, const struct nn_linear *projection, int64_t n_rows)
{
    *t = (struct fast_tower){.layers = calloc((size_t)dims->n_layers, sizeof *t->layers),
                             .n_layers = dims->n_layers,
                             .n_heads = dims->n_heads,
                             .width = dims->width,
                             .activation = dims->activation,
                             .norm_eps = dims->norm_eps};
    if (!t->layers)
        return error_out_of_memory();
    for (int64_t i = 0; i < t->n_layers; i++)
        t->layers[i] = create_layer(owner, c, t, &blocks[i], i, n_rows);
    scope *s = scope_open(owner, SCOPE_GRAD_OFF);
    t->out = pack(owner, c, fold_norm(s, norm, projection), n_rows);
    return scope_close(s);
}

int clip_fast_create(struct clip_fast **out, scope *owner, const struct clip *c)
{
    enum { IMAGES = 4 }; /* the batch that a product is packed for; any number works */
    *out = NULL;
    struct clip_fast *f = calloc(1, sizeof *f);
    if (!f)
        return error_out_of_memory();
    int status = create_tower(&f->vision, owner, c, &c->dims.vision, c->vision_blocks, &c->ln_post,
                              &c->vision_projection, IMAGES * clip_image_positions(&c->dims));
    if (status == OK)
        status = create_tower(&f->text, owner, c, &c->dims.text, c->text_blocks, &c->ln_final,
                              &c->text_projection, CLIP_TEXT_CHUNK_ROWS);
    if (status != OK) {
        clip_fast_free(f);
        return status;
    }
    *out = f;
    return OK;
}

void clip_fast_free(struct clip_fast *f)
{
    if (!f)
        return;
    free(f->vision.layers);
    free(f->text.layers);
    free(f);
}

/* ---------------------------------------------------------------- one block's halves */

tensor *fast_rows(scope *s, const tensor *t)
{
    return t_reshape(s, t, SHAPE(-1, t_size(t, -1)));
}

tensor *fast_columns(scope *s, const tensor *t, int64_t first, int64_t n)
{
    return t_narrow(s, t, -1, first, n);
}

tensor *fast_normalized(scope *s, const struct clip *c, const struct fast_tower *t, tensor *x,
                        const tensor *d, tensor *rstd)
{
    tensor *h = t_empty(s, SHAPE(t_size(x, 0), t_size(x, 1), t->width), c->dtypes.compute, c->device);
    t_residual_norm_(s, x, d, h, rstd, 0, t->norm_eps);
    return h;
}

/* The activation of x; with `keep_slope` x becomes the slope. */
static tensor *activate(scope *s, enum activation activation, tensor *x, bool keep_slope)
{
    switch (activation) {
    case ACTIVATION_QUICK_GELU: /* 1.702 is in the weights */
        return t_silu_(s, x, keep_slope);
    case ACTIVATION_GELU:
        return t_gelu_(s, x, keep_slope);
    }
    return NULL;
}

tensor *fast_mlp(scope *s, scope *keep, const struct clip *c, const struct fast_tower *t,
                 const struct fast_layer *l, tensor *x, const tensor *d, struct layer_saved *saved)
{
    const int64_t B = t_size(x, 0), T = t_size(x, 1);
    scope *owner = saved ? keep : s;
    tensor *rstd = saved ? t_empty(keep, SHAPE(B, T), c->dtypes.accum, c->device) : NULL;
    tensor *h = fast_normalized(owner, c, t, x, d, rstd);
    tensor *f = t_packed_linear(owner, &l->mlp_in, fast_rows(s, h));
    tensor *g = activate(s, t->activation, f, saved != NULL);
    if (saved) {
        saved->h2 = h;
        saved->rstd2 = rstd;
        saved->slope = f;
    }
    return t_packed_linear(s, &l->mlp_out, g);
}

struct fast_gradient fast_gradient_empty(scope *s, const struct clip *c, const int64_t *dims, size_t n_dims)
{
    tensor *accum = t_empty(s, dims, n_dims, c->dtypes.accum, c->device);
    return (struct fast_gradient){.accum = accum,
                                  .compute = c->dtypes.compute == c->dtypes.accum
                                                 ? accum
                                                 : t_empty(s, dims, n_dims, c->dtypes.compute, c->device)};
}

tensor *fast_gradient_copy(const struct fast_gradient *g)
{
    return g->compute == g->accum ? NULL : g->compute;
}

void fast_gradient_cast(scope *s, const struct clip *c, struct fast_gradient *g)
{
    g->compute = c->dtypes.compute == c->dtypes.accum ? g->accum : t_to(s, g->accum, c->dtypes.compute);
}

void fast_mlp_backward(scope *outer, const struct fast_layer *l, const struct layer_saved *saved,
                       const struct fast_gradient *g)
{
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    tensor *df = t_packed_linear_backward(s, &l->mlp_out, fast_rows(s, g->compute));
    t_mul_(s, df, saved->slope);
    tensor *dh = t_packed_linear_backward(s, &l->mlp_in, df);
    t_norm_backward_(s, g->accum, fast_gradient_copy(g), dh, saved->h2, saved->rstd2, 0, true);
    scope_close(s);
}
