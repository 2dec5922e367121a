/* Packed layers, and the halves of a block that both fast towers have in common. */
#include "fast.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "prompt/base/process.h"
#include "tuned.h"

/* ---------------------------------------------------------------- folding and packing */

struct folded {
    const tensor *weight; /* [out,in] accum */
    const tensor *bias;   /* [out] accum, or NULL */
};

/* W (scale * n + shift) + b = (W scale) n + (W shift + b), n the normalized input. Without a norm W and b. */
static struct folded fold_norm(scope *s, const struct nn_norm *norm, const struct nn_linear *l)
{
    if (!norm)
        return (struct folded){l->weight, l->bias};
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

/* A product; bare: without the norm before it. */
struct form {
    enum fast_product product;
    bool is_bare;
};

/* The product of layer i as it is packed, its constants folded in. Loads no other weight than its own. */
static struct folded fold_product(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                                  struct form form)
{
    const enum fast_product product = form.product;
    const struct load_source *from = &c->fast->source;
    const double gate = t->activation == ACTIVATION_QUICK_GELU ? 1.702 : 1.0;
    const int64_t W = t->width;
    char at[96];
    snprintf(at, sizeof at, "%s%" PRId64 ".", t->block_prefix, i);
    if (product == FAST_ATTENTION_OUT || product == FAST_MLP_OUT) {
        const bool is_mlp = product == FAST_MLP_OUT;
        const struct nn_linear l =
            load_linear(s, from, at, is_mlp ? "mlp.c_proj.weight" : "attn.out_proj.weight",
                        is_mlp ? "mlp.c_proj.bias" : "attn.out_proj.bias");
        return (struct folded){is_mlp ? t_scale(s, l.weight, 1.0 / gate) : l.weight, l.bias};
    }
    if (product == FAST_MLP_IN) {
        const struct nn_norm norm = load_norm(s, from, at, "ln_2", t->norm_eps);
        const struct nn_linear l = load_linear(s, from, at, "mlp.c_fc.weight", "mlp.c_fc.bias");
        return scaled(s, fold_norm(s, form.is_bare ? NULL : &norm, &l), gate);
    }
    const struct nn_norm norm = load_norm(s, from, at, "ln_1", t->norm_eps);
    const struct nn_linear l = load_linear(s, from, at, "attn.in_proj_weight", "attn.in_proj_bias");
    const struct folded qkv = fold_norm(s, form.is_bare ? NULL : &norm, &l);
    const struct folded q = scaled(s, rows_of(s, qkv, 0, W), 1.0 / sqrt((double)(W / t->n_heads)));
    const struct folded kv = rows_of(s, qkv, W, 2 * W);
    return product == FAST_Q ? q : product == FAST_KV ? kv : joined(s, q, kv);
}

static struct folded fold_projection(scope *s, const struct clip *c, const struct fast_tower *t)
{
    const struct load_source *from = &c->fast->source;
    const struct nn_norm norm = load_norm(s, from, t->norm_prefix, t->norm_name, t->norm_eps);
    const struct nn_linear l = load_projection(s, from, t->projection_name);
    return fold_norm(s, &norm, &l);
}

static tensor *pack_weight(scope *owner, const struct clip *c, const struct fast_tower *t,
                           const tensor *weight)
{
    return c->dtypes.has_bf16_weights ? t_pack_narrow(owner, weight)
                                      : t_pack_weight(owner, weight, t->n_rows);
}

/* A folded weight becomes the one of one direction. */
static void pack(struct fast_linear *l, scope *owner, scope *s, const struct clip *c,
                 const struct fast_tower *t, struct folded f, bool is_backward)
{
    tensor *weight = t_to(s, f.weight, c->dtypes.compute);
    if (is_backward) {
        l->backward = pack_weight(owner, c, t, t_transpose(s, weight, 0, 1));
        return;
    }
    l->forward = pack_weight(owner, c, t, weight);
    l->bias = f.bias ? t_clone(owner, t_to(s, f.bias, c->dtypes.compute)) : NULL;
}

/* The product of layer i, ready for one direction; NULL, with the scope marked, if that fails. */
static const struct fast_linear *ready(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                                       struct form form, bool is_backward)
{
    const bool is_projection = form.product == FAST_PROJECTION;
    struct fast_layer *layer = &t->layers[i];
    struct fast_linear *l = form.is_bare ? &layer->bare[form.product] : &layer->products[form.product];
    if (is_backward ? l->backward : l->forward)
        return l;
    scope *owner = c->fast->owner, *temporaries = scope_open(owner, SCOPE_GRAD_OFF);
    const struct folded f =
        is_projection ? fold_projection(temporaries, c, t) : fold_product(temporaries, c, t, i, form);
    pack(l, owner, temporaries, c, t, f, is_backward);
    (void)scope_close(temporaries);
    if (form.product == FAST_MLP_OUT) /* once a layer: it costs 2 ms */
        process_return_freed();
    weights_forget(c->fast->source.weights);
    const int status = scope_status(owner);
    if (status == OK)
        return l;
    scope_fail(s, status);
    return NULL;
}

static tensor *forward(scope *s, const struct fast_linear *l, const tensor *x)
{
    return l ? t_packed_linear(s, l->forward, l->bias, x) : NULL;
}

static tensor *backward(scope *s, const struct fast_linear *l, const tensor *dy)
{
    return l ? t_packed_linear(s, l->backward, NULL, dy) : NULL;
}

tensor *fast_linear(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                    enum fast_product product, const tensor *x)
{
    return forward(s, ready(s, c, t, i, (struct form){product, false}, false), x);
}

tensor *fast_linear_backward(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                             enum fast_product product, const tensor *dy)
{
    return backward(s, ready(s, c, t, i, (struct form){product, false}, true), dy);
}

tensor *fast_linear_bare(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                         enum fast_product product, const tensor *x)
{
    return forward(s, ready(s, c, t, i, (struct form){product, true}, false), x);
}

tensor *fast_linear_bare_backward(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                                  enum fast_product product, const tensor *dy)
{
    return backward(s, ready(s, c, t, i, (struct form){product, true}, true), dy);
}

const struct nn_norm *fast_norm(scope *s, const struct clip *c, const struct fast_tower *t, int64_t i,
                                int64_t norm)
{
    struct nn_norm *out = &t->layers[i].norms[norm];
    if (out->weight)
        return out;
    scope *owner = c->fast->owner, *temporaries = scope_open(owner, SCOPE_GRAD_OFF);
    char at[96];
    snprintf(at, sizeof at, "%s%" PRId64 ".", t->block_prefix, i);
    const struct nn_norm loaded =
        load_norm(temporaries, &c->fast->source, at, norm == 0 ? "ln_1" : "ln_2", t->norm_eps);
    out->bias = t_clone(owner, t_to(temporaries, loaded.bias, c->dtypes.compute));
    out->weight = t_clone(owner, t_to(temporaries, loaded.weight, c->dtypes.compute));
    (void)scope_close(temporaries);
    weights_forget(c->fast->source.weights);
    const int status = scope_status(owner);
    if (status == OK)
        return out;
    scope_fail(s, status);
    return NULL;
}

/* Whether a layer has the product. */
static bool has_product(const struct fast_tower *t, int64_t i, enum fast_product product)
{
    const bool is_first = i == 0, is_last = i == t->n_layers - 1;
    if (product == FAST_QKV)
        return !is_last;
    if (product == FAST_Q || product == FAST_PROJECTION)
        return is_last;
    return product != FAST_KV || is_first || is_last;
}

int clip_fast_prepare(const struct clip *c)
{
    const struct fast_tower *towers[] = {&c->fast->vision, &c->fast->text};
    scope *s = scope_open(c->fast->owner, SCOPE_GRAD_OFF);
    for (int tower = 0; tower < 2; tower++)
        for (int64_t i = 0; i < towers[tower]->n_layers; i++)
            for (int product = 0; product < N_FAST_PRODUCTS; product++) {
                if (!has_product(towers[tower], i, (enum fast_product)product))
                    continue;
                const struct form form = {(enum fast_product)product, false};
                (void)ready(s, c, towers[tower], i, form, false);
                (void)ready(s, c, towers[tower], i, form, true);
            }
    return scope_close(s);
}

static int create_tower(struct fast_tower *t, const struct tower_dims *dims, int64_t n_rows)
{
    t->layers = calloc((size_t)dims->n_layers, sizeof *t->layers);
    t->n_layers = dims->n_layers;
    t->n_heads = dims->n_heads;
    t->width = dims->width;
    t->activation = dims->activation;
    t->norm_eps = dims->norm_eps;
    t->n_rows = n_rows;
    return t->layers ? OK : error_out_of_memory();
}

int clip_fast_create(struct clip_fast **out, scope *owner, const struct clip *c,
                     const struct load_source *source)
{
    enum { IMAGES = 4 }; /* the batch that a product is packed for; any number works */
    *out = NULL;
    struct clip_fast *f = calloc(1, sizeof *f);
    if (!f)
        return error_out_of_memory();
    *f = (struct clip_fast){.source = *source,
                            .owner = owner,
                            .vision = {.block_prefix = "visual.transformer.resblocks.",
                                       .norm_prefix = "visual.",
                                       .norm_name = "ln_post",
                                       .projection_name = "visual.proj"},
                            .text = {.block_prefix = "transformer.resblocks.",
                                     .norm_prefix = "",
                                     .norm_name = "ln_final",
                                     .projection_name = "text_projection"}};
    int status = OK;
    if ((status = create_tower(&f->vision, &c->dims.vision, IMAGES * clip_image_positions(&c->dims))) != OK ||
        (status = create_tower(&f->text, &c->dims.text, CLIP_TEXT_CHUNK_ROWS)) != OK) {
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

tensor *fast_mlp(scope *s, scope *keep, const struct clip *c, const struct fast_tower *t, int64_t i,
                 const struct tuned_pass *tuned, tensor *x, const tensor *d, struct layer_saved *saved)
{
    const int64_t B = t_size(x, 0), T = t_size(x, 1);
    scope *owner = saved ? keep : s;
    tensor *rstd = saved ? t_empty(keep, SHAPE(B, T), c->dtypes.accum, c->device) : NULL;
    tensor *h = fast_normalized(owner, c, t, x, d, rstd);
    tensor *f = scope_share(
        owner, tuned_linear(s, c, t, FAST_MLP_IN, tuned, (struct tuned_rows){.layer = i}, h, NULL));
    tensor *g = activate(s, t->activation, f, saved != NULL);
    if (saved) {
        saved->h2 = h;
        saved->rstd2 = rstd;
        saved->slope = f;
    }
    return fast_linear(s, c, t, i, FAST_MLP_OUT, g);
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

void fast_mlp_backward(scope *outer, const struct clip *c, const struct fast_tower *t, int64_t i,
                       const struct tuned_pass *tuned, const struct layer_saved *saved,
                       const struct fast_gradient *g)
{
    scope *s = scope_open(outer, SCOPE_GRAD_INHERIT);
    tensor *df = fast_linear_backward(s, c, t, i, FAST_MLP_OUT, fast_rows(s, g->compute));
    t_mul_(s, df, saved->slope);
    tensor *dh = tuned_linear_backward(s, c, t, FAST_MLP_IN, tuned, (struct tuned_rows){.layer = i},
                                       saved->h2, NULL, df, true);
    t_norm_backward_(s, g->accum, fast_gradient_copy(g), dh, saved->h2, saved->rstd2, 0, true);
    scope_close(s);
}
