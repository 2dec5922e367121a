/* The frozen model: OpenAI's tensor names to the fields of struct clip, and the logits. */
#include "fast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- weights to fields */

/* Where the weights come from and go to. */
struct placing {
    scope *run;
    const struct weights *weights;
    struct device device;
    struct clip_dtypes dtypes;
};

static tensor *place(const struct placing *p, const char *prefix, const char *name, enum dtype dtype)
{
    char full[160];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    tensor *t = params_find(&p->weights->tensors, full);
    if (!t) {
        scope_fail(p->run, error_set(ERR_FORMAT, "'%s': tensor '%s' is missing", p->weights->path, full));
        return NULL;
    }
    scope *s = scope_open(p->run, SCOPE_GRAD_OFF); /* copies on the way are not kept */
    tensor *placed = scope_keep(s, t_contiguous(s, t_to(s, t_to_device(s, t, p->device), dtype)));
    scope_close(s);
    return placed;
}

static struct nn_norm place_norm(const struct placing *p, const char *prefix, const char *name, double eps)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s.", prefix, name);
    return (struct nn_norm){.weight = place(p, full, "weight", p->dtypes.accum),
                            .bias = place(p, full, "bias", p->dtypes.accum),
                            .eps = eps};
}

static struct nn_linear place_linear(const struct placing *p, const char *prefix, const char *weight,
                                     const char *bias)
{
    return (struct nn_linear){.weight = place(p, prefix, weight, p->dtypes.compute),
                              .bias = place(p, prefix, bias, p->dtypes.compute)};
}

/* OpenAI stores the projections as [in,out]. */
static struct nn_linear place_projection(const struct placing *p, const char *name)
{
    tensor *t = place(p, "", name, p->dtypes.compute);
    return (struct nn_linear){.weight = t_contiguous(p->run, t_transpose(p->run, t, 0, 1))};
}

static struct nn_block *place_blocks(const struct placing *p, const char *prefix,
                                     const struct tower_dims *dims)
{
    struct nn_block *blocks = calloc((size_t)dims->n_layers, sizeof *blocks);
    if (!blocks) {
        scope_fail(p->run, error_out_of_memory());
        return NULL;
    }
    for (int64_t i = 0; i < dims->n_layers; i++) {
        char at[96];
        snprintf(at, sizeof at, "%s%lld.", prefix, (long long)i);
        blocks[i] = (struct nn_block){
            .norm1 = place_norm(p, at, "ln_1", dims->norm_eps),
            .qkv = place_linear(p, at, "attn.in_proj_weight", "attn.in_proj_bias"),
            .attention_out = place_linear(p, at, "attn.out_proj.weight", "attn.out_proj.bias"),
            .norm2 = place_norm(p, at, "ln_2", dims->norm_eps),
            .mlp_in = place_linear(p, at, "mlp.c_fc.weight", "mlp.c_fc.bias"),
            .mlp_out = place_linear(p, at, "mlp.c_proj.weight", "mlp.c_proj.bias"),
            .n_heads = dims->n_heads,
            .activation = dims->activation,
        };
    }
    return blocks;
}

static int read_logit_scale(double *out, scope *run, const struct weights *w)
{
    double log_scale = 0.0;
    int status = t_item_f64(&log_scale, run, params_find(&w->tensors, "logit_scale"));
    if (status != OK)
        return status;
    *out = exp(log_scale);
    if (!isfinite(*out))
        return error_set(ERR_NUMERIC, "'%s': tensor 'logit_scale' is %g, whose exponential is not finite",
                         w->path, log_scale);
    return OK;
}

static void place_embeddings(struct clip *c, const struct placing *p)
{
    c->patch_weight = place(p, "", "visual.conv1.weight", p->dtypes.compute);
    c->class_embedding = place(p, "", "visual.class_embedding", p->dtypes.accum);
    c->patch_positions = place(p, "", "visual.positional_embedding", p->dtypes.accum);
    c->ln_pre = place_norm(p, "visual.", "ln_pre", c->dims.vision.norm_eps);
    c->token_embedding = place(p, "", "token_embedding.weight", p->dtypes.accum);
    c->text_positions = place(p, "", "positional_embedding", p->dtypes.accum);
}

static void place_towers(struct clip *c, const struct placing *p)
{
    c->vision_blocks = place_blocks(p, "visual.transformer.resblocks.", &c->dims.vision);
    c->ln_post = place_norm(p, "visual.", "ln_post", c->dims.vision.norm_eps);
    c->vision_projection = place_projection(p, "visual.proj");
    c->text_blocks = place_blocks(p, "transformer.resblocks.", &c->dims.text);
    c->ln_final = place_norm(p, "", "ln_final", c->dims.text.norm_eps);
    c->text_projection = place_projection(p, "text_projection");
}

/* The towers' weights are there only while they are packed. */
static int pack_towers(struct clip *c, const struct placing *of_run)
{
    struct placing p = *of_run;
    p.run = scope_open(of_run->run, SCOPE_GRAD_OFF);
    place_towers(c, &p);
    int status = scope_status(p.run);
    if (status == OK)
        status = clip_fast_create(&c->fast, of_run->run, c);
    const int closed = scope_close(p.run);
    free(c->vision_blocks);
    free(c->text_blocks);
    c->vision_blocks = c->text_blocks = NULL;
    c->ln_post = c->ln_final = (struct nn_norm){0};
    c->vision_projection = c->text_projection = (struct nn_linear){0};
    return status == OK ? closed : status;
}

int clip_create(struct clip **out, scope *run, const struct weights *w, struct device device,
                struct clip_dtypes dtypes, enum encoder encoder)
{
    *out = NULL;
    struct clip *c = calloc(1, sizeof *c);
    if (!c)
        return error_out_of_memory();
    *c = (struct clip){.dims = w->dims, .dtypes = dtypes, .device = device};
    const bool is_fast = encoder == ENCODER_FAST;
    /* the fast encoder folds norms into the weights before it rounds them */
    const struct clip_dtypes placed = {.compute = is_fast ? dtypes.accum : dtypes.compute,
                                       .accum = dtypes.accum};
    const struct placing p = {.run = run, .weights = w, .device = device, .dtypes = placed};
    place_embeddings(c, &p);
    if (!is_fast)
        place_towers(c, &p);
    int status = read_logit_scale(&c->logit_scale, run, w);
    if (status == OK && is_fast)
        status = pack_towers(c, &p);
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

/* ---------------------------------------------------------------- logits */

tensor *clip_logits(scope *s, const struct clip *c, const tensor *x, const tensor *z)
{
    tensor *xn = t_normalize(s, t_to(s, x, c->dtypes.accum), -1); /* [B,d] */
    tensor *zn = t_normalize(s, t_to(s, z, c->dtypes.accum), -1); /* [B or 1,K,d] */
    tensor *cosines = t_matmul(s, zn, t_unsqueeze(s, xn, -1));    /* [B,K,1] */
    return t_scale(s, t_squeeze(s, cosines, -1), c->logit_scale);
}
