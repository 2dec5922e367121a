/* The frozen model: its parts from the weights, token embeddings and logits. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fast.h"
#include "load.h"

/* ---------------------------------------------------------------- weights to fields */

static struct nn_block *load_blocks(scope *s, const struct load_source *from, const char *prefix,
                                    const struct tower_dims *dims)
{
    struct nn_block *blocks = calloc((size_t)dims->n_layers, sizeof *blocks);
    if (!blocks) {
        scope_fail(s, error_out_of_memory());
        return NULL;
    }
    for (int64_t i = 0; i < dims->n_layers; i++) {
        char at[96];
        snprintf(at, sizeof at, "%s%" PRId64 ".", prefix, i);
        blocks[i] = load_block(s, from, at, dims);
    }
    return blocks;
}

static int read_logit_scale(double *out, scope *owner, const struct weights *w)
{
    double log_scale = 0.0;
    int status = t_item_f64(&log_scale, owner, params_find(&w->tensors, "logit_scale"));
    if (status != OK)
        return status;
    *out = exp(log_scale);
    if (!isfinite(*out))
        return error_set(ERR_NUMERIC, "'%s': tensor 'logit_scale' is %g, whose exponential is not finite",
                         w->path, log_scale);
    return OK;
}

static void load_embeddings(struct clip *c, scope *s, const struct load_source *from)
{
    c->patch_weight = load_tensor(s, from, "", "visual.conv1.weight", from->dtypes.compute);
    c->class_embedding = load_tensor(s, from, "", "visual.class_embedding", from->dtypes.accum);
    c->patch_positions = load_tensor(s, from, "", "visual.positional_embedding", from->dtypes.accum);
    c->ln_pre = load_norm(s, from, "visual.", "ln_pre", c->dims.vision.norm_eps);
    c->token_embedding = load_tensor(s, from, "", "token_embedding.weight", from->dtypes.accum);
    c->text_positions = load_tensor(s, from, "", "positional_embedding", from->dtypes.accum);
}

static void load_towers(struct clip *c, scope *s, const struct load_source *from)
{
    c->vision_blocks = load_blocks(s, from, "visual.transformer.resblocks.", &c->dims.vision);
    c->ln_post = load_norm(s, from, "visual.", "ln_post", c->dims.vision.norm_eps);
    c->vision_projection = load_projection(s, from, "visual.proj");
    c->text_blocks = load_blocks(s, from, "transformer.resblocks.", &c->dims.text);
    c->ln_final = load_norm(s, from, "", "ln_final", c->dims.text.norm_eps);
    c->text_projection = load_projection(s, from, "text_projection");
}

int clip_create(struct clip **out, scope *owner, const struct weights *w, struct device device,
                struct clip_dtypes dtypes, enum encoder encoder)
{
    *out = NULL;
    struct clip *c = calloc(1, sizeof *c);
    if (!c)
        return error_out_of_memory();
    *c = (struct clip){.dims = w->dims, .dtypes = dtypes, .device = device};
    const bool is_fast = encoder == ENCODER_FAST;
    struct load_source from = {w, device, dtypes};
    if (is_fast) /* it folds norms into the weights before it rounds them */
        from.dtypes = (struct clip_dtypes){.compute = dtypes.accum, .accum = dtypes.accum};
    load_embeddings(c, owner, &from);
    if (!is_fast)
        load_towers(c, owner, &from);
    int status = read_logit_scale(&c->logit_scale, owner, w);
    if (status == OK && is_fast)
        status = clip_fast_create(&c->fast, owner, c, &from);
    if (status != OK) {
        clip_free(c);
        return status;
    }
    *out = c;
    return OK;
}

void clip_free(struct clip *c)
{
    if (!c)
        return;
    clip_fast_free(c->fast);
    free(c->vision_blocks);
    free(c->text_blocks);
    free(c);
}

int clip_prepare(const struct clip *c)
{
    return c->fast ? clip_fast_prepare(c) : OK;
}

/* ---------------------------------------------------------------- norms of the blocks */

/* One of a block's norms, accum. */
static struct nn_norm block_norm(scope *s, const struct clip *c, enum tower tower, int64_t layer,
                                 bool is_second)
{
    const bool is_text = tower == TOWER_TEXT;
    if (!c->fast) {
        const struct nn_block *b = is_text ? &c->text_blocks[layer] : &c->vision_blocks[layer];
        return is_second ? b->norm2 : b->norm1;
    }
    const struct fast_tower *t = is_text ? &c->fast->text : &c->fast->vision;
    char at[96];
    snprintf(at, sizeof at, "%s%" PRId64 ".", t->block_prefix, layer);
    return load_norm(s, &c->fast->source, at, is_second ? "ln_2" : "ln_1", t->norm_eps);
}

void clip_block_norms(tensor **weight, tensor **bias, scope *outer, const struct clip *c, enum tower tower)
{
    const struct tower_dims *dims = tower == TOWER_TEXT ? &c->dims.text : &c->dims.vision;
    const int64_t L = dims->n_layers, W = dims->width;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    const tensor **rows = calloc((size_t)(4 * L), sizeof *rows); /* 2L weights, 2L biases */
    if (!rows)
        scope_fail(s, error_out_of_memory());
    for (int64_t i = 0; rows && i < 2 * L; i++) {
        const struct nn_norm norm = block_norm(s, c, tower, i / 2, i % 2 == 1);
        rows[i] = norm.weight;
        rows[2 * L + i] = norm.bias;
    }
    if (scope_ok(s)) {
        *weight = scope_keep(s, t_reshape(s, t_stack(s, rows, (size_t)(2 * L), 0), SHAPE(L, 2, W)));
        *bias = scope_keep(s, t_reshape(s, t_stack(s, rows + 2 * L, (size_t)(2 * L), 0), SHAPE(L, 2, W)));
    }
    free(rows);
    scope_close(s);
}

/* ---------------------------------------------------------------- embeddings and logits */

tensor *clip_embed_tokens(scope *s, const struct clip *c, const int64_t *ids, int64_t n)
{
    return t_embedding(s, c->token_embedding, t_from_i64(s, ids, SHAPE(n), c->device));
}

tensor *clip_logits(scope *s, const struct clip *c, const tensor *x, const tensor *z)
{
    tensor *xn = t_normalize(s, t_to(s, x, c->dtypes.accum), -1); /* [B,d] */
    tensor *zn = t_normalize(s, t_to(s, z, c->dtypes.accum), -1); /* [B or 1,K,d] */
    tensor *cosines = t_matmul(s, zn, t_unsqueeze(s, xn, -1));    /* [B,K,1] */
    return t_scale(s, t_squeeze(s, cosines, -1), c->logit_scale);
}
