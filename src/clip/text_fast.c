/*
 * The text tower, fast: the same numbers as text.c with only what is needed computed.
 *
 * The prefix of an image is the same for all its classes and no class token stands before it, so it goes
 * through the tower once and leaves its keys and values at every layer. The classes follow as a forest of
 * tokens, in chunks; each token sees the prefix and its ancestors. Layer 1's inputs are constant but for the
 * prefix. The last layer asks at end tokens alone. The backward visits the same parts in reverse and ends at
 * the prefix.
 */
#include <stdlib.h>
#include <string.h>

#include "prompt/nn/tape.h"
#include "text_layout.h"

/* ---------------------------------------------------------------- forward */

/* Keys and values of the prefix at one layer, views [B,p,W], and the sums of their gradients. */
struct prefix_layer {
    tensor *k, *v;
    tensor *d_k, *d_v; /* [B,p,W] master; made for the backward */
};

/* One part of the text on its way through the tower: the prefix, or a chunk of classes. */
struct text_part {
    const struct token_forest *forest;
    const struct prefix_layer *prefix; /* [layers] that a chunk sees; NULL for the prefix itself */
    const tensor *qkv0;                /* layer 1's constant input, or NULL */
    const tensor *ends;                /* end nodes of a chunk */
    struct layer_saved *saved;         /* [layers]; NULL in evaluation */
    tensor *h_final, *rstd_final;      /* saved of the final norm */
    scope *keep;                       /* what is saved lives here */
};

static struct forest_attention attention_of(const struct clip *c, const struct text_part *p,
                                            const struct layer_saved *l, int64_t i, bool at_ends)
{
    return (struct forest_attention){.q = l->q,
                                     .k = l->k,
                                     .v = l->v,
                                     .prefix_k = p->prefix ? p->prefix[i].k : NULL,
                                     .prefix_v = p->prefix ? p->prefix[i].v : NULL,
                                     .n_heads = c->fast->text.n_heads,
                                     .forest = at_ends ? &p->forest->end_nodes : &p->forest->nodes};
}

/* Layer i but the last: d is the branch that waits to be added to x, and the result is the next one. */
static tensor *forward_layer(scope *s, const struct clip *c, const struct text_part *p, int64_t i, tensor *x,
                             const tensor *d, struct layer_saved *l)
{
    const struct fast_tower *t = &c->fast->text;
    const int64_t B = t_size(x, 0), n = t_size(x, 1), W = t->width;
    scope *owner = p->saved ? p->keep : s;
    tensor *qkv = NULL;
    if (i == 0 && p->qkv0) {
        qkv = t_expand(owner, p->qkv0, SHAPE(B, n, 3 * W));
    } else {
        l->rstd1 = p->saved ? t_empty(p->keep, SHAPE(B, n), c->types.master, c->device) : NULL;
        l->h1 = text_normalized(owner, c, x, d, l->rstd1);
        qkv = t_reshape(owner, t_packed_linear(owner, &t->layers[i].qkv, fast_rows(s, l->h1), false),
                        SHAPE(B, n, 3 * W));
    }
    l->q = fast_columns(owner, qkv, 0, W);
    l->k = fast_columns(owner, qkv, W, W);
    l->v = fast_columns(owner, qkv, 2 * W, W);
    const struct forest_attention a = attention_of(c, p, l, i, false);
    tensor *o =
        t_packed_linear(s, &t->layers[i].attention_out, fast_rows(s, t_forest_attention(s, &a)), false);
    return fast_mlp(s, p->keep, c, t, &t->layers[i], x, o, p->saved ? l : NULL);
}

/* Keys and values of the last layer, [B,n,W] each. */
static void last_keys(scope *s, const struct clip *c, const struct text_part *p, tensor *x, const tensor *d,
                      struct layer_saved *l)
{
    const struct fast_tower *t = &c->fast->text;
    const int64_t B = t_size(x, 0), n = t_size(x, 1), W = t->width;
    scope *owner = p->saved ? p->keep : s;
    l->rstd1 = p->saved ? t_empty(p->keep, SHAPE(B, n), c->types.master, c->device) : NULL;
    l->h1 = text_normalized(owner, c, x, d, l->rstd1);
    tensor *kv = t_packed_linear(owner, &t->layers[t->n_layers - 1].kv, fast_rows(s, l->h1), false);
    kv = t_reshape(owner, kv, SHAPE(B, n, 2 * W));
    l->k = fast_columns(owner, kv, 0, W);
    l->v = fast_columns(owner, kv, W, W);
}

/* The last layer of a chunk, at its end tokens alone, and the projection: [B,C,d] products. */
static tensor *finish_chunk(scope *s, const struct clip *c, struct text_part *p, tensor *x,
                            struct layer_saved *l)
{
    const struct fast_tower *t = &c->fast->text;
    const struct fast_layer *layer = &t->layers[t->n_layers - 1];
    const int64_t B = t_size(x, 0), W = t->width, C = p->forest->n_rows;
    scope *owner = p->saved ? p->keep : s;
    tensor *x_end = t_index_select(s, x, 1, p->ends);
    tensor *q = t_packed_linear(owner, &layer->q, fast_rows(s, t_index_select(s, l->h1, 1, p->ends)), false);
    l->q = t_reshape(owner, q, SHAPE(B, C, W));
    const struct forest_attention a = attention_of(c, p, l, t->n_layers - 1, true);
    tensor *o = t_packed_linear(s, &layer->attention_out, fast_rows(s, t_forest_attention(s, &a)), false);
    tensor *d = fast_mlp(s, p->keep, c, t, layer, x_end, o, p->saved ? l : NULL);
    p->rstd_final = p->saved ? t_empty(p->keep, SHAPE(B, C), c->types.master, c->device) : NULL;
    p->h_final = text_normalized(owner, c, x_end, d, p->rstd_final);
    return t_reshape(s, t_packed_linear(s, &t->out, fast_rows(s, p->h_final), false), SHAPE(B, C, -1));
}

/*
 * x [B,n,W] master, changed in place. A chunk gives its features [B,C,d] in `outer`; the prefix gives NULL
 * and fills `keys` with its keys and values.
 */
static tensor *forward_part(scope *outer, const struct clip *c, struct text_part *p, tensor *x,
                            struct prefix_layer *keys)
{
    const int64_t L = c->fast->text.n_layers;
    tensor *d = NULL, *features = NULL;
    for (int64_t i = 0; i < L; i++) {
        scope *s = scope_open(outer, SCOPE_GRAD_OFF);
        struct layer_saved l = {0};
        if (i < L - 1) {
            d = scope_keep(s, forward_layer(s, c, p, i, x, d, &l));
        } else {
            last_keys(s, c, p, x, d, &l);
            features = keys ? NULL : scope_keep(s, finish_chunk(s, c, p, x, &l));
        }
        if (keys)
            keys[i] = (struct prefix_layer){.k = scope_keep(s, l.k), .v = scope_keep(s, l.v)};
        if (p->saved)
            p->saved[i] = l;
        scope_close(s);
    }
    return features;
}

/* ---------------------------------------------------------------- backward */

/* Layer i but the last: g goes from its output to its input, the prefix's share is added up in `prefix`. */
static void backward_layer(scope *outer, const struct clip *c, const struct text_part *p,
                           struct prefix_layer *prefix, const struct prefix_layer *own, int64_t i,
                           bool needs_input, const struct fast_gradient *g)
{
    const struct fast_tower *t = &c->fast->text;
    const struct layer_saved *l = &p->saved[i];
    const int64_t B = t_size(g->master, 0), n = t_size(g->master, 1), W = t->width;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    fast_mlp_backward(s, &t->layers[i], l, g);
    tensor *d_out = t_packed_linear_backward(s, &t->layers[i].attention_out, fast_rows(s, g->products));
    tensor *d_qkv = t_empty(s, SHAPE(B, n, 3 * W), c->types.products, c->device);
    tensor *d_k = fast_columns(s, d_qkv, W, W), *d_v = fast_columns(s, d_qkv, 2 * W, W);
    const struct forest_attention a = attention_of(c, p, l, i, false);
    t_forest_attention_backward(s, &a, t_reshape(s, d_out, SHAPE(B, n, W)), fast_columns(s, d_qkv, 0, W), d_k,
                                d_v, prefix ? prefix[i].d_k : NULL, prefix ? prefix[i].d_v : NULL);
    if (own) { /* the prefix: what the chunks sent to its keys and values */
        t_add_scaled_(s, d_k, own[i].d_k, 1.0);
        t_add_scaled_(s, d_v, own[i].d_v, 1.0);
    }
    if (needs_input) {
        tensor *dh = t_packed_linear_backward(s, &t->layers[i].qkv, fast_rows(s, d_qkv));
        t_norm_backward_(s, g->master, fast_gradient_copy(g), t_reshape(s, dh, SHAPE(B, n, W)), l->h1,
                         l->rstd1, 0, true);
    }
    scope_close(s);
}

/* The last layer of a chunk: from its features to the gradient of the layer's input, [B,n,W]. */
static struct fast_gradient backward_finish(scope *outer, const struct clip *c, const struct text_part *p,
                                            struct prefix_layer *prefix, const tensor *d_features)
{
    const struct fast_tower *t = &c->fast->text;
    const struct fast_layer *layer = &t->layers[t->n_layers - 1];
    const struct layer_saved *l = &p->saved[t->n_layers - 1];
    const int64_t B = t_size(l->h1, 0), n = t_size(l->h1, 1), W = t->width, C = p->forest->n_rows;
    struct fast_gradient g = fast_gradient_empty(outer, c, SHAPE(B, n, W));
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    struct fast_gradient end = fast_gradient_empty(s, c, SHAPE(B, C, W));

    tensor *dh = t_packed_linear_backward(s, &t->out, fast_rows(s, t_to(s, d_features, c->types.products)));
    t_norm_backward_(s, end.master, fast_gradient_copy(&end), t_reshape(s, dh, SHAPE(B, C, W)), p->h_final,
                     p->rstd_final, 0, false);
    fast_mlp_backward(s, layer, l, &end);
    tensor *d_out = t_packed_linear_backward(s, &layer->attention_out, fast_rows(s, end.products));
    tensor *d_q = t_empty(s, SHAPE(B, C, W), c->types.products, c->device);
    tensor *d_kv = t_empty(s, SHAPE(B, n, 2 * W), c->types.products, c->device);
    const struct forest_attention a = attention_of(c, p, l, t->n_layers - 1, true);
    t_forest_attention_backward(s, &a, t_reshape(s, d_out, SHAPE(B, C, W)), d_q, fast_columns(s, d_kv, 0, W),
                                fast_columns(s, d_kv, W, W), prefix ? prefix[t->n_layers - 1].d_k : NULL,
                                prefix ? prefix[t->n_layers - 1].d_v : NULL);
    tensor *d_h1 = t_reshape(s, t_packed_linear_backward(s, &layer->kv, fast_rows(s, d_kv)), SHAPE(B, n, W));
    tensor *d_h1_end = t_packed_linear_backward(s, &layer->q, fast_rows(s, d_q));
    t_index_add_(s, d_h1, p->ends, t_reshape(s, d_h1_end, SHAPE(B, C, W)));
    t_zero_(s, g.master);
    t_index_add_(s, g.master, p->ends, end.master);
    t_norm_backward_(s, g.master, fast_gradient_copy(&g), d_h1, l->h1, l->rstd1, 0, true);
    scope_close(s);
    return g;
}

static void backward_chunk(scope *outer, const struct clip *c, const struct text_part *p,
                           struct prefix_layer *prefix, const tensor *d_features)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    struct fast_gradient g = backward_finish(s, c, p, prefix, d_features);
    for (int64_t i = c->fast->text.n_layers - 2; i >= 0; i--)
        backward_layer(s, c, p, prefix, NULL, i, i > 0, &g); /* layer 1's input is constant */
    scope_close(s);
}

/* From the keys' and values' gradients to those of the prefix's vectors, [B,p,W] master in `outer`. */
static tensor *backward_prefix(scope *outer, const struct clip *c, const struct text_part *p,
                               const struct prefix_layer *keys)
{
    const struct fast_tower *t = &c->fast->text;
    const int64_t last = t->n_layers - 1;
    const struct layer_saved *l = &p->saved[last];
    const int64_t B = t_size(l->h1, 0), n = t_size(l->h1, 1), W = t->width;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    struct fast_gradient g = fast_gradient_empty(s, c, SHAPE(B, n, W));
    tensor *d_kv = t_to(s, t_cat(s, TENSORS(keys[last].d_k, keys[last].d_v), -1), c->types.products);
    tensor *dh = t_packed_linear_backward(s, &t->layers[last].kv, fast_rows(s, d_kv));
    t_norm_backward_(s, g.master, fast_gradient_copy(&g), t_reshape(s, dh, SHAPE(B, n, W)), l->h1, l->rstd1,
                     0, false);
    for (int64_t i = last - 1; i >= 0; i--)
        backward_layer(s, c, p, NULL, keys, i, true, &g);
    tensor *out = scope_keep(s, g.master);
    scope_close(s);
    return out;
}

/* ---------------------------------------------------------------- the whole text side */

/* What a forward pass leaves for its backward. */
struct text_state {
    scope *scope; /* what the prefix saved */
    const struct clip *clip;
    const struct text_layout *layout;
    double keep_bytes; /* of all chunks */
    struct text_part prefix;
    struct text_part *chunks;  /* [forests.n]; each saves in a scope of its own, closed when it is done */
    struct prefix_layer *keys; /* [layers] */
};

static void free_part(struct text_part *p, bool owns_scope)
{
    free(p->saved);
    if (owns_scope && p->keep)
        scope_close(p->keep);
    *p = (struct text_part){0};
}

static void free_text_state(void *opaque)
{
    struct text_state *st = opaque;
    for (size_t i = 0; st->chunks && i < st->layout->forests.n; i++)
        free_part(&st->chunks[i], true);
    free_part(&st->prefix, false);
    free(st->chunks);
    free(st->keys);
    if (st->scope)
        scope_close(st->scope);
    free(st);
}

static struct text_state *text_state_create(const struct clip *c, const struct clip_texts *texts)
{
    struct text_state *st = calloc(1, sizeof *st);
    if (!st)
        return NULL;
    *st = (struct text_state){.scope = scope_open(NULL, SCOPE_GRAD_INHERIT),
                              .clip = c,
                              .layout = texts->layout,
                              .keep_bytes = texts->keep_bytes};
    st->chunks = calloc(texts->layout->forests.n, sizeof *st->chunks);
    st->keys = calloc((size_t)c->fast->text.n_layers, sizeof *st->keys);
    if (st->scope && st->chunks && st->keys)
        return st;
    free_text_state(st);
    return NULL;
}

/* The prefixes [B,p,W] through the tower; their keys and values stay in st->keys. */
static int forward_prefix(scope *outer, struct text_state *st, const tensor *prefixes, bool saves)
{
    const struct clip *c = st->clip;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    st->prefix = (struct text_part){.forest = &st->layout->prefix, .keep = st->scope};
    if (saves)
        st->prefix.saved = calloc((size_t)c->fast->text.n_layers, sizeof *st->prefix.saved);
    if (saves && !st->prefix.saved)
        scope_fail(s, error_out_of_memory());
    tensor *positions = t_narrow(s, c->text_positions, 0, 0, st->layout->n_prefix);
    tensor *x = t_contiguous(s, t_add(s, t_to(s, prefixes, c->types.master), positions));
    forward_part(st->scope, c, &st->prefix, x, st->keys);
    int status = scope_close(s);
    return status == OK ? scope_status(st->scope) : status;
}

static tensor *forward_chunk(scope *s, struct text_state *st, size_t i, int64_t B, bool saves)
{
    const struct clip *c = st->clip;
    const struct text_chunk *chunk = &st->layout->chunks[i];
    struct text_part *p = &st->chunks[i];
    *p = (struct text_part){.forest = chunk->forest,
                            .prefix = st->layout->n_prefix > 0 ? st->keys : NULL,
                            .qkv0 = chunk->qkv0,
                            .ends = chunk->ends};
    if (saves) {
        p->keep = scope_open(NULL, SCOPE_GRAD_INHERIT);
        p->saved = calloc((size_t)c->fast->text.n_layers, sizeof *p->saved);
        if (!p->keep || !p->saved)
            scope_fail(s, error_out_of_memory());
    }
    tensor *x = t_expand(s, chunk->x0, SHAPE(B, chunk->forest->n_nodes, c->fast->text.width));
    tensor *z = t_to(s, forward_part(s, c, p, t_clone(s, x), NULL), c->types.master);
    if (p->keep && !scope_ok(p->keep))
        scope_fail(s, scope_status(p->keep));
    return z;
}

/* All chunks, put together in the order of the classes: [B,K,d]. They keep what their backward needs while
 * there is room. */
static tensor *forward_chunks(scope *outer, struct text_state *st, int64_t B, bool saves)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    const size_t n = st->layout->forests.n;
    const tensor **parts = calloc(n, sizeof(tensor *));
    if (!parts)
        scope_fail(s, error_out_of_memory());
    double kept_bytes = 0.0;
    for (size_t i = 0; parts && i < n && scope_ok(s); i++) {
        scope *one = scope_open(s, SCOPE_GRAD_OFF);
        const double bytes = text_chunk_kept_bytes(&st->layout->forests.items[i], st->clip, B);
        const bool has_room = kept_bytes + bytes <= st->keep_bytes;
        kept_bytes += has_room ? bytes : 0.0;
        parts[i] = scope_keep(one, forward_chunk(one, st, i, B, saves && has_room));
        scope_close(one);
    }
    tensor *all = parts && scope_ok(s) ? t_cat(s, parts, n, 1) : NULL;
    tensor *out = scope_keep(s, t_index_select(s, all, 1, st->layout->order));
    free(parts);
    scope_close(s);
    return out;
}

static void backward(tensor **input_grads, scope *s, void *opaque, const tensor *d_features)
{
    struct text_state *st = opaque;
    const struct clip *c = st->clip;
    const int64_t B = t_size(d_features, 0), p = st->layout->n_prefix, W = c->fast->text.width;
    for (int64_t i = 0; i < c->fast->text.n_layers; i++) {
        st->keys[i].d_k = t_zeros(s, SHAPE(B, p, W), c->types.master, c->device);
        st->keys[i].d_v = t_zeros(s, SHAPE(B, p, W), c->types.master, c->device);
    }
    for (size_t i = 0; i < st->layout->forests.n; i++) {
        scope *one = scope_open(s, SCOPE_GRAD_OFF);
        tensor *d = t_contiguous(one, t_index_select(one, d_features, 1, st->layout->chunks[i].rows));
        if (!st->chunks[i].saved) /* there was no room: computed again */
            (void)forward_chunk(one, st, i, B, true);
        if (scope_ok(one)) /* else what it reads may be missing */
            backward_chunk(one, c, &st->chunks[i], st->keys, d);
        scope_close(one);
        free_part(&st->chunks[i], true);
    }
    input_grads[0] = backward_prefix(s, c, &st->prefix, st->keys);
}

tensor *fast_encode_text(scope *outer, const struct clip *c, struct tape *tape, const tensor *prefixes,
                         const struct clip_texts *texts)
{
    const bool saves = tape && prefixes && t_requires_grad(prefixes);
    const int64_t B = prefixes ? t_size(prefixes, 0) : 1;
    struct text_state *st = text_state_create(c, texts);
    if (!st) {
        scope_fail(outer, error_out_of_memory());
        return NULL;
    }
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    int status = prefixes ? forward_prefix(s, st, prefixes, saves) : OK;
    if (status != OK)
        scope_fail(s, status);
    tensor *z = scope_keep(s, forward_chunks(s, st, B, saves));
    status = scope_close(s);
    if (!saves || status != OK) {
        free_text_state(st);
        return z;
    }
    const tensor **inputs = malloc(sizeof *inputs);
    if (!inputs) {
        free_text_state(st);
        scope_fail(outer, error_out_of_memory());
        return NULL;
    }
    inputs[0] = prefixes;
    return tape_add(tape, outer, z,
                    (struct tape_node){.inputs = inputs,
                                       .n_inputs = 1,
                                       .state = st,
                                       .backward = backward,
                                       .free_state = free_text_state});
}
