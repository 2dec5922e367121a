/*
 * The vision tower, fast: the numbers of vision.c without the work that they do not need.
 *
 * Where a layer's outputs at the prompts are dropped (layers 1..J-1), the prompts are keys and values alone.
 * Layer 1's query, key and value of class token and patches do not change over n and come with the image's
 * tokens. The last layer has one query, the class token. Prompts come after the patches: without a mask the
 * order does not matter.
 */
#include <stdlib.h>

#include "fast.h"
#include "prompt/nn/tape.h"
#include "tuned.h"
#include "vision_fast.h"

/* The state of a forward pass until its backward. */
struct image_state {
    scope *scope; /* of the saved tensors */
    const struct clip *clip;
    int64_t n_prompt_layers; /* J */
    int64_t n_prompts;       /* a */
    int64_t n_tokens;        /* 1+M, without prompts */
    bool is_tuned;
    struct tuned_pass tuned;    /* if is_tuned */
    struct layer_saved *layers; /* [L] */
    tensor *h_final, *rstd_final;
};

static void free_image_state(void *opaque)
{
    struct image_state *st = opaque;
    if (st->scope)
        scope_close(st->scope);
    free(st->layers);
    free(st);
}

struct image_tokens fast_image_tokens(scope *outer, const struct clip *c, tensor *x)
{
    struct image_tokens tokens = {.x = x};
    if (c->fast->vision.n_layers == 1)
        return tokens;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    const int64_t B = t_size(x, 0), T = t_size(x, 1), W = t_size(x, 2);
    tensor *h = fast_normalized(s, c, &c->fast->vision, t_clone(s, x), NULL, NULL);
    tensor *qkv = fast_linear(s, c, &c->fast->vision, 0, FAST_QKV, fast_rows(s, h));
    tokens.qkv = scope_keep(s, t_reshape(s, qkv, SHAPE(B, T, 3 * W)));
    scope_close(s);
    return tokens;
}

/* ---------------------------------------------------------------- forward */

/* An image batch on its way through the tower. */
struct image_pass {
    const struct clip *clip;
    struct image_tokens tokens;
    const tensor *const *prompts;
    int64_t n_prompt_layers;
    const struct tuned_pass *tuned; /* NULL: CLIP's own tower */
    bool saves;
    scope *keep;
    tensor *x;     /* [B,T,W] accum, the residual stream */
    tensor *d;     /* the branch not yet added to x, or NULL */
    scope *holder; /* of both, until the next layer's replace them */
};

/* A layer's kind decides the operands of its attention. */
enum layer_kind {
    LAYER_CONSTANT, /* layer 1: class token and patches are given, prompts (if any) are keys and values */
    LAYER_KEYS,     /* prompts are keys and values */
    LAYER_TOKENS,   /* all are tokens */
    LAYER_LAST,     /* all are tokens, the class token is the only query */
};

static enum layer_kind kind_of(const struct clip *c, int64_t n_prompt_layers, bool is_tuned, int64_t i)
{
    if (i == c->fast->vision.n_layers - 1)
        return LAYER_LAST;
    const bool keys_only = i < n_prompt_layers - 1;
    if (i == 0 && !is_tuned && (keys_only || n_prompt_layers == 0))
        return LAYER_CONSTANT;
    return keys_only ? LAYER_KEYS : LAYER_TOKENS;
}

static void make_normalized(scope *owner, const struct image_pass *p, struct layer_saved *l, int64_t n_rows)
{
    const struct clip *c = p->clip;
    const int64_t B = t_size(p->x, 0), W = c->fast->vision.width;
    l->h1 = t_empty(owner, SHAPE(B, n_rows, W), c->dtypes.compute, c->device);
    l->rstd1 = p->saves ? t_empty(owner, SHAPE(B, n_rows), c->dtypes.accum, c->device) : NULL;
}

/* Normalizes the prompts into `offset` of h1; the prompts themselves stay unchanged. */
static void normalize_prompts(scope *s, const struct image_pass *p, struct layer_saved *l, int64_t i,
                              int64_t offset)
{
    tensor *own = t_clone(s, t_to(s, p->prompts[i], p->clip->dtypes.accum));
    t_residual_norm_(s, own, NULL, l->h1, l->rstd1, offset, p->clip->fast->vision.norm_eps);
}

static void keys_of_first(scope *s, scope *owner, const struct image_pass *p, struct layer_saved *l)
{
    const int64_t B = t_size(p->x, 0), W = p->clip->fast->vision.width;
    l->q = fast_columns(owner, p->tokens.qkv, 0, W);
    l->k = fast_columns(owner, p->tokens.qkv, W, W);
    l->v = fast_columns(owner, p->tokens.qkv, 2 * W, W);
    if (p->n_prompt_layers == 0)
        return;
    const int64_t a = t_size(p->prompts[0], 1);
    make_normalized(owner, p, l, a);
    normalize_prompts(s, p, l, 0, 0);
    tensor *kv = fast_linear(s, p->clip, &p->clip->fast->vision, 0, FAST_KV, fast_rows(s, l->h1));
    kv = t_reshape(s, kv, SHAPE(B, a, 2 * W));
    l->k = t_cat(owner, TENSORS(l->k, fast_columns(s, kv, 0, W)), 1);
    l->v = t_cat(owner, TENSORS(l->v, fast_columns(s, kv, W, W)), 1);
}

static void keys_of_tokens(scope *s, scope *owner, const struct image_pass *p, struct layer_saved *l,
                           int64_t i, bool has_keys_only)
{
    const int64_t B = t_size(p->x, 0), T = t_size(p->x, 1), W = p->clip->fast->vision.width;
    const int64_t n_rows = T + (has_keys_only ? t_size(p->prompts[i], 1) : 0);
    make_normalized(owner, p, l, n_rows);
    t_residual_norm_(s, p->x, p->d, l->h1, l->rstd1, 0, p->clip->fast->vision.norm_eps);
    if (has_keys_only)
        normalize_prompts(s, p, l, i, T);
    tensor *qkv = tuned_linear(s, p->clip, &p->clip->fast->vision, FAST_QKV, p->tuned,
                               (struct tuned_rows){.layer = i}, l->h1, &l->reduced);
    qkv = t_reshape(owner, qkv, SHAPE(B, n_rows, 3 * W));
    l->reduced = scope_share(owner, l->reduced);
    l->q = t_narrow(owner, fast_columns(owner, qkv, 0, W), 1, 0, T);
    l->k = fast_columns(owner, qkv, W, W);
    l->v = fast_columns(owner, qkv, 2 * W, W);
}

/* The class token of h [B,T,W], [B,1,W]. */
static tensor *class_row(scope *s, const tensor *h)
{
    return t_contiguous(s, t_narrow(s, h, 1, 0, 1));
}

static void keys_of_last(scope *s, scope *owner, const struct image_pass *p, struct layer_saved *l)
{
    const struct fast_tower *t = &p->clip->fast->vision;
    const int64_t B = t_size(p->x, 0), T = t_size(p->x, 1), W = t->width;
    make_normalized(owner, p, l, T);
    t_residual_norm_(s, p->x, p->d, l->h1, l->rstd1, 0, t->norm_eps);
    const struct tuned_rows rows = {.layer = t->n_layers - 1};
    tensor *kv = tuned_linear(s, p->clip, t, FAST_KV, p->tuned, rows, l->h1, &l->reduced);
    kv = t_reshape(owner, kv, SHAPE(B, T, 2 * W));
    tensor *q = tuned_linear(s, p->clip, t, FAST_Q, p->tuned, rows, class_row(s, l->h1), &l->reduced_q);
    l->q = t_reshape(owner, q, SHAPE(B, 1, W));
    l->reduced = scope_share(owner, l->reduced);
    l->reduced_q = scope_share(owner, l->reduced_q);
    l->k = fast_columns(owner, kv, 0, W);
    l->v = fast_columns(owner, kv, W, W);
}

/* From layer J on the prompts are tokens: they join the residual stream. */
static void join_prompts(scope *s, struct image_pass *p, int64_t i)
{
    tensor *x = p->d ? t_add(s, p->x, t_reshape(s, p->d, SHAPE(t_size(p->x, 0), t_size(p->x, 1), -1))) : p->x;
    p->x = t_cat(s, TENSORS(x, t_to(s, p->prompts[i], p->clip->dtypes.accum)), 1);
    p->d = NULL;
}

/* x and d, made in a layer's scope, outlive it and replace those of the layer before. */
static void hand_on(struct image_pass *p, scope *outer, tensor *x, tensor *d)
{
    scope *holder = scope_open(outer, SCOPE_GRAD_INHERIT);
    p->x = scope_share(holder, x);
    p->d = scope_share(holder, d);
    if (p->holder)
        scope_close(p->holder);
    p->holder = holder;
}

static void forward_layer(scope *outer, struct image_pass *p, int64_t i, struct layer_saved *saved)
{
    const struct clip *c = p->clip;
    const struct fast_tower *t = &c->fast->vision;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    scope *owner = p->saves ? p->keep : s;
    struct layer_saved l = {0};
    if (i == p->n_prompt_layers - 1)
        join_prompts(s, p, i);
    const enum layer_kind kind = kind_of(c, p->n_prompt_layers, p->tuned != NULL, i);
    switch (kind) {
    case LAYER_CONSTANT:
        keys_of_first(s, owner, p, &l);
        break;
    case LAYER_KEYS:
    case LAYER_TOKENS:
        keys_of_tokens(s, owner, p, &l, i, kind == LAYER_KEYS);
        break;
    case LAYER_LAST:
        keys_of_last(s, owner, p, &l);
        p->x = t_contiguous(s, t_narrow(s, p->x, 1, 0, 1));
        break;
    }
    tensor *aux = NULL;
    tensor *out = t_dense_attention(s, l.q, l.k, l.v, t->n_heads, p->saves ? &aux : NULL);
    l.aux = scope_share(owner, aux); /* saved, unlike `out` */
    tensor *o = fast_linear(s, c, t, i, FAST_ATTENTION_OUT, fast_rows(s, out));
    hand_on(p, outer, p->x, fast_mlp(s, p->keep, c, t, i, p->tuned, p->x, o, p->saves ? &l : NULL));
    if (saved)
        *saved = l;
    scope_close(s);
}

/* ---------------------------------------------------------------- backward */

static const struct tuned_pass *tuned_of(const struct image_state *st)
{
    return st->is_tuned ? &st->tuned : NULL;
}

/* The last layer: one query an image. g [B,1,W] becomes the gradient of all its tokens, [B,T,W]. */
static struct fast_gradient backward_last(scope *outer, const struct image_state *st,
                                          const struct fast_gradient *class_g)
{
    const struct clip *c = st->clip;
    const struct fast_tower *t = &c->fast->vision;
    const struct layer_saved *l = &st->layers[t->n_layers - 1];
    const int64_t B = t_size(l->k, 0), T = t_size(l->k, 1), W = t->width;
    const struct tuned_pass *tuned = tuned_of(st);
    const struct tuned_rows rows = {.layer = t->n_layers - 1};
    struct fast_gradient g = fast_gradient_empty(outer, c, SHAPE(B, T, W));
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    fast_mlp_backward(s, c, t, t->n_layers - 1, tuned, l, class_g);
    tensor *d_out =
        fast_linear_backward(s, c, t, t->n_layers - 1, FAST_ATTENTION_OUT, fast_rows(s, class_g->compute));
    tensor *d_q = t_empty(s, SHAPE(B, 1, W), c->dtypes.compute, c->device);
    tensor *d_kv = t_empty(s, SHAPE(B, T, 2 * W), c->dtypes.compute, c->device);
    t_dense_attention_backward(s, d_out, l->q, l->k, l->v, l->aux, t->n_heads, d_q,
                               fast_columns(s, d_kv, 0, W), fast_columns(s, d_kv, W, W), 0);
    tensor *dh =
        tuned_linear_backward(s, c, t, FAST_KV, tuned, rows, l->h1, l->reduced, fast_rows(s, d_kv), true);
    dh = t_reshape(s, dh, SHAPE(B, T, W));
    t_add_scaled_(s, t_select(s, dh, 1, 0),
                  tuned_linear_backward(s, c, t, FAST_Q, tuned, rows, class_row(s, l->h1), l->reduced_q,
                                        fast_rows(s, d_q), true),
                  1.0);
    t_zero_(s, g.accum);
    t_copy_(s, t_narrow(s, g.accum, 1, 0, 1), class_g->accum);
    t_norm_backward_(s, g.accum, fast_gradient_copy(&g), dh, l->h1, l->rstd1, 0, true);
    scope_close(s);
    return g;
}

/* Layer 1 where only the prompts' keys and values depend on anything trained: d_prompts [B,a,W]. */
static void backward_constant(scope *s, const struct image_state *st, const tensor *d_out, tensor *d_prompts)
{
    const struct clip *c = st->clip;
    const struct layer_saved *l = &st->layers[0];
    const int64_t B = t_size(l->q, 0), a = st->n_prompts, W = c->fast->vision.width;
    tensor *d_kv = t_empty(s, SHAPE(B, a, 2 * W), c->dtypes.compute, c->device);
    t_dense_attention_backward(s, d_out, l->q, l->k, l->v, l->aux, c->fast->vision.n_heads, NULL,
                               fast_columns(s, d_kv, 0, W), fast_columns(s, d_kv, W, W), st->n_tokens);
    tensor *dh = fast_linear_backward(s, c, &c->fast->vision, 0, FAST_KV, fast_rows(s, d_kv));
    t_norm_backward_(s, d_prompts, NULL, dh, l->h1, l->rstd1, 0, false);
}

/* Any other layer; with `d_prompts`, which receives their gradient, the prompts were keys and values alone. */
static void backward_tokens(scope *s, const struct image_state *st, int64_t i, const tensor *d_out,
                            tensor *d_prompts, const struct fast_gradient *g)
{
    const struct clip *c = st->clip;
    const struct fast_tower *t = &c->fast->vision;
    const struct layer_saved *l = &st->layers[i];
    const int64_t B = t_size(l->k, 0), n_rows = t_size(l->k, 1), T = t_size(l->q, 1), W = t->width;
    tensor *d_qkv = t_empty(s, SHAPE(B, n_rows, 3 * W), c->dtypes.compute, c->device);
    tensor *d_q = fast_columns(s, d_qkv, 0, W);
    t_dense_attention_backward(s, d_out, l->q, l->k, l->v, l->aux, t->n_heads, t_narrow(s, d_q, 1, 0, T),
                               fast_columns(s, d_qkv, W, W), fast_columns(s, d_qkv, 2 * W, W), 0);
    if (d_prompts)
        t_zero_(s, t_narrow(s, d_q, 1, T, n_rows - T));
    const bool needs_input = i > 0 || st->n_prompt_layers > 0;
    tensor *dh = tuned_linear_backward(s, c, t, FAST_QKV, tuned_of(st), (struct tuned_rows){.layer = i},
                                       l->h1, l->reduced, fast_rows(s, d_qkv), needs_input);
    if (!needs_input)
        return;
    t_norm_backward_(s, g->accum, fast_gradient_copy(g), dh, l->h1, l->rstd1, 0, true);
    if (d_prompts)
        t_norm_backward_(s, d_prompts, NULL, dh, l->h1, l->rstd1, T, false);
}

/* Before layer J: the prompts leave the residual stream again, with their gradient. */
static void part_prompts(scope *s, const struct image_state *st, struct fast_gradient *g, tensor **d_prompts)
{
    const int64_t T = st->n_tokens;
    *d_prompts = t_contiguous(s, t_narrow(s, g->accum, 1, T, st->n_prompts));
    g->accum = t_contiguous(s, t_narrow(s, g->accum, 1, 0, T));
    fast_gradient_cast(s, st->clip, g);
}

static void backward(tensor **input_grads, scope *outer, void *opaque, const tensor *d_x)
{
    struct image_state *st = opaque;
    tensor **d_prompts = input_grads; /* first the prompts, then the tower's changes */
    const struct clip *c = st->clip;
    const struct fast_tower *t = &c->fast->vision;
    const int64_t B = t_size(d_x, 0), J = st->n_prompt_layers, a = st->n_prompts, W = t->width;
    struct fast_gradient g = fast_gradient_empty(outer, c, SHAPE(B, 1, W));
    if (st->is_tuned)
        tuned_open_gradients(outer, c, &st->tuned);
    tensor *dh = fast_linear_backward(outer, c, t, t->n_layers - 1, FAST_PROJECTION,
                                      t_contiguous(outer, t_to(outer, d_x, c->dtypes.compute)));
    t_norm_backward_(outer, g.accum, fast_gradient_copy(&g), dh, st->h_final, st->rstd_final, 0, false);
    for (int64_t i = t->n_layers - 1; i >= 0; i--) {
        scope *s = scope_open(outer, SCOPE_GRAD_OFF);
        const struct layer_saved *l = &st->layers[i];
        const enum layer_kind kind = kind_of(c, J, st->is_tuned, i);
        tensor *d_out = NULL;
        if (kind != LAYER_LAST) {
            fast_mlp_backward(s, c, t, i, tuned_of(st), l, &g);
            d_out = fast_linear_backward(s, c, t, i, FAST_ATTENTION_OUT, fast_rows(s, g.compute));
        }
        if (i < J - 1)
            d_prompts[i] = t_empty(outer, SHAPE(B, a, W), c->dtypes.accum, c->device);
        switch (kind) {
        case LAYER_LAST:
            g = backward_last(outer, st, &g);
            break;
        case LAYER_KEYS:
        case LAYER_TOKENS:
            backward_tokens(s, st, i, d_out, i < J - 1 ? d_prompts[i] : NULL, &g);
            break;
        case LAYER_CONSTANT:
            backward_constant(s, st, d_out, d_prompts[i]);
            break;
        }
        if (i == J - 1)
            part_prompts(outer, st, &g, &d_prompts[i]);
        scope_close(s);
    }
    if (st->is_tuned)
        tuned_gradients(input_grads + J, &st->tuned);
}

/* ---------------------------------------------------------------- the whole image side */

static struct image_state *image_state_create(const struct clip *c, const struct image_pass *p)
{
    struct image_state *st = calloc(1, sizeof *st);
    if (!st)
        return NULL;
    *st = (struct image_state){.scope = scope_open(NULL, SCOPE_GRAD_INHERIT),
                               .clip = c,
                               .n_prompt_layers = p->n_prompt_layers,
                               .n_prompts = p->n_prompt_layers > 0 ? t_size(p->prompts[0], 1) : 0,
                               .n_tokens = t_size(p->tokens.x, 1),
                               .is_tuned = p->tuned != NULL,
                               .layers = calloc((size_t)c->fast->vision.n_layers, sizeof *st->layers)};
    if (p->tuned)
        st->tuned = *p->tuned;
    if (st->scope && st->layers)
        return st;
    free_image_state(st);
    return NULL;
}

/* x^n, [B,d] accum. */
static tensor *forward(scope *outer, struct image_pass *p, struct image_state *st)
{
    const struct clip *c = p->clip;
    const struct fast_tower *t = &c->fast->vision;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    scope *owner = p->saves ? p->keep : s;
    hand_on(p, s, t_clone(s, p->tokens.x), NULL); /* changed in place */
    for (int64_t i = 0; i < t->n_layers; i++)
        forward_layer(s, p, i, p->saves ? &st->layers[i] : NULL);
    const int64_t B = t_size(p->x, 0);
    tensor *rstd = p->saves ? t_empty(owner, SHAPE(B, 1), c->dtypes.accum, c->device) : NULL;
    tensor *h = fast_normalized(owner, c, t, p->x, p->d, rstd);
    if (p->saves) {
        st->h_final = h;
        st->rstd_final = rstd;
        if (!scope_ok(p->keep))
            scope_fail(s, scope_status(p->keep));
    }
    tensor *x = scope_keep(
        s, t_to(s, fast_linear(s, c, t, t->n_layers - 1, FAST_PROJECTION, fast_rows(s, h)), c->dtypes.accum));
    scope_close(p->holder);
    scope_close(s);
    return x;
}

static bool any_requires_grad(const tensor *const *tensors, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (t_requires_grad(tensors[i]))
            return true;
    return false;
}

tensor *fast_encode_image(scope *outer, const struct clip *c, struct tape *tape, struct image_tokens tokens,
                          const tensor *const *prompts, int64_t n_prompts, const struct tower_tuning *tuning)
{
    const struct tuned_pass tuned = {.tuning = tuning ? *tuning : (struct tower_tuning){0}};
    struct image_pass p = {.clip = c,
                           .tokens = tokens,
                           .prompts = prompts,
                           .n_prompt_layers = n_prompts,
                           .tuned = tuning ? &tuned : NULL,
                           .saves = tape &&
                                    (any_requires_grad(prompts, n_prompts) || tuning_requires_grad(tuning))};
    if (!p.saves)
        return forward(outer, &p, NULL);
    struct image_state *st = image_state_create(c, &p);
    const tensor **inputs = calloc((size_t)n_prompts + TUNING_MAX_TENSORS, sizeof *inputs);
    if (!st || !inputs) {
        if (st)
            free_image_state(st);
        free(inputs);
        scope_fail(outer, error_out_of_memory());
        return NULL;
    }
    p.keep = st->scope;
    for (int64_t i = 0; i < n_prompts; i++)
        inputs[i] = prompts[i];
    const size_t n_tuned = tuning_tensors(inputs + n_prompts, tuning);
    /* the state keeps the constant inputs of layer 1 */
    p.tokens.x = scope_share(st->scope, tokens.x);
    p.tokens.qkv = scope_share(st->scope, tokens.qkv);
    tensor *x = forward(outer, &p, st);
    return tape_add(tape, outer, x,
                    (struct tape_node){.inputs = inputs,
                                       .n_inputs = (size_t)n_prompts + n_tuned,
                                       .state = st,
                                       .backward = backward,
                                       .free_state = free_image_state});
}
