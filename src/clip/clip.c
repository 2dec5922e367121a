/* The frozen model: OpenAI's tensor names to the fields of struct clip, token embeddings and logits. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fast.h"

/* ---------------------------------------------------------------- weights to fields */

/* The weights' way into the model: from a file's tensors to a scope, a device and dtypes. */
struct source {
    const struct weights *weights;
    scope *owner;
    struct device device;
    struct clip_dtypes dtypes;
};

static tensor *load(const struct source *from, const char *prefix, const char *name, enum dtype dtype)
{
    char full[160];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    tensor *t = params_find(&from->weights->tensors, full);
    if (!t) {
        scope_fail(from->owner,
                   error_set(ERR_FORMAT, "'%s': tensor '%s' is missing", from->weights->path, full));
        return NULL;
    }
    scope *s = scope_open(from->owner, SCOPE_GRAD_OFF); /* copies on the way are not kept */
    tensor *loaded = scope_keep(s, t_contiguous(s, t_to(s, t_to_device(s, t, from->device), dtype)));
    scope_close(s);
    return loaded;
}

static struct nn_norm load_norm(const struct source *from, const char *prefix, const char *name, double eps)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s.", prefix, name);
    return (struct nn_norm){.weight = load(from, full, "weight", from->dtypes.accum),
                            .bias = load(from, full, "bias", from->dtypes.accum),
                            .eps = eps};
}

static struct nn_linear load_linear(const struct source *from, const char *prefix, const char *weight,
                                    const char *bias)
{
    return (struct nn_linear){.weight = load(from, prefix, weight, from->dtypes.compute),
                              .bias = load(from, prefix, bias, from->dtypes.compute)};
}

/* OpenAI stores the projections as [in,out]. */
static struct nn_linear load_projection(const struct source *from, const char *name)
{
    tensor *t = load(from, "", name, from->dtypes.compute);
    return (struct nn_linear){.weight = t_contiguous(from->owner, t_transpose(from->owner, t, 0, 1))};
}

static struct nn_block *load_blocks(const struct source *from, const char *prefix,
                                    const struct tower_dims *dims)
{
    struct nn_block *blocks = calloc((size_t)dims->n_layers, sizeof *blocks);
    if (!blocks) {
        scope_fail(from->owner, error_out_of_memory());
        return NULL;
    }
    for (int64_t i = 0; i < dims->n_layers; i++) {
        char at[96];
        snprintf(at, sizeof at, "%s%" PRId64 ".", prefix, i);
        blocks[i] = (struct nn_block){
            .norm1 = load_norm(from, at, "ln_1", dims->norm_eps),
            .qkv = load_linear(from, at, "attn.in_proj_weight", "attn.in_proj_bias"),
            .attention_out = load_linear(from, at, "attn.out_proj.weight", "attn.out_proj.bias"),
            .norm2 = load_norm(from, at, "ln_2", dims->norm_eps),
            .mlp_in = load_linear(from, at, "mlp.c_fc.weight", "mlp.c_fc.bias"),
            .mlp_out = load_linear(from, at, "mlp.c_proj.weight", "mlp.c_proj.bias"),
            .n_heads = dims->n_heads,
            .activation = dims->activation,
        };
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

static void load_embeddings(struct clip *c, const struct source *from)
{
    c->patch_weight = load(from, "", "visual.conv1.weight", from->dtypes.compute);
    c->class_embedding = load(from, "", "visual.class_embedding", from->dtypes.accum);
    c->patch_positions = load(from, "", "visual.positional_embedding", from->dtypes.accum);
    c->ln_pre = load_norm(from, "visual.", "ln_pre", c->dims.vision.norm_eps);
    c->token_embedding = load(from, "", "token_embedding.weight", from->dtypes.accum);
    c->text_positions = load(from, "", "positional_embedding", from->dtypes.accum);
}

static void load_towers(struct clip *c, const struct source *from)
{
    c->vision_blocks = load_blocks(from, "visual.transformer.resblocks.", &c->dims.vision);
    c->ln_post = load_norm(from, "visual.", "ln_post", c->dims.vision.norm_eps);
    c->vision_projection = load_projection(from, "visual.proj");
    c->text_blocks = load_blocks(from, "transformer.resblocks.", &c->dims.text);
    c->ln_final = load_norm(from, "", "ln_final", c->dims.text.norm_eps);
    c->text_projection = load_projection(from, "text_projection");
}

static void forget_towers(struct clip *c)
{
    free(c->vision_blocks);
    free(c->text_blocks);
    c->vision_blocks = c->text_blocks = NULL;
    c->ln_post = c->ln_final = (struct nn_norm){0};
    c->vision_projection = c->text_projection = (struct nn_linear){0};
}

/* Packs the towers, whose weights are loaded for as long as that takes. */
static int pack_towers(struct clip *c, const struct source *from)
{
    scope *s = scope_open(from->owner, SCOPE_GRAD_OFF);
    load_towers(c, &(struct source){from->weights, s, from->device, from->dtypes});
    int status = scope_status(s);
    if (status == OK)
        status = clip_fast_create(&c->fast, from->owner, c);
    const int closed = scope_close(s);
    forget_towers(c);
    return status == OK ? closed : status;
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
    struct source from = {w, owner, device, dtypes};
    if (is_fast) /* it folds norms into the weights before it rounds them */
        from.dtypes.compute = dtypes.accum;
    load_embeddings(c, &from);
    if (!is_fast)
        load_towers(c, &from);
    int status = read_logit_scale(&c->logit_scale, owner, w);
    if (status == OK && is_fast)
        status = pack_towers(c, &from);
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
    forget_towers(c);
    free(c);
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
