/* One part of a text through the fast tower and back, layer by layer; the last one at end tokens alone. */
#include "text_part.h"

/* ---------------------------------------------------------------- trained changes */

static struct tuned_rows rows_of(const struct text_part *p, int64_t i)
{
    return (struct tuned_rows){.layer = i, .ids = p->row_ids};
}

/* The end tokens; dropout comes with chains alone, which end at their last node. */
static struct tuned_rows end_rows_of(const struct text_part *p, int64_t i)
{
    return (struct tuned_rows){.layer = i, .ids = p->row_ids, .first = p->tree->n_nodes - 1};
}

/* ---------------------------------------------------------------- forward */

static struct tree_attention attention_of(const struct clip *c, const struct text_part *p,
                                          const struct layer_saved *l, int64_t i, bool at_ends)
{
    return (struct tree_attention){.q = l->q,
                                   .k = l->k,
                                   .v = l->v,
                                   .prefix_k = p->prefix ? p->prefix[i].k : NULL,
                                   .prefix_v = p->prefix ? p->prefix[i].v : NULL,
                                   .n_heads = c->fast->text.n_heads,
                                   .mask = at_ends ? &p->tree->end_mask : &p->tree->mask};
}

/* Any layer i but the last: d is the branch not yet added to x; the result is the next branch. */
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
        l->rstd1 = p->saved ? t_empty(p->keep, SHAPE(B, n), c->dtypes.accum, c->device) : NULL;
        l->h1 = fast_normalized(owner, c, t, x, d, l->rstd1);
        qkv = tuned_linear(s, c, t, FAST_QKV, p->tuned, rows_of(p, i), l->h1, &l->reduced);
        qkv = t_reshape(owner, qkv, SHAPE(B, n, 3 * W));
        l->reduced = scope_share(owner, l->reduced);
    }
    l->q = fast_columns(owner, qkv, 0, W);
    l->k = fast_columns(owner, qkv, W, W);
    l->v = fast_columns(owner, qkv, 2 * W, W);
    const struct tree_attention a = attention_of(c, p, l, i, false);
    tensor *o = fast_linear(s, c, t, i, FAST_ATTENTION_OUT, fast_rows(s, t_tree_attention(s, &a)));
    return fast_mlp(s, p->keep, c, t, i, p->tuned, x, o, p->saved ? l : NULL);
}

/* Keys and values of the last layer, [B,n,W] each. */
static void last_keys(scope *s, const struct clip *c, const struct text_part *p, tensor *x, const tensor *d,
                      struct layer_saved *l)
{
    const struct fast_tower *t = &c->fast->text;
    const int64_t B = t_size(x, 0), n = t_size(x, 1), W = t->width;
    scope *owner = p->saved ? p->keep : s;
    l->rstd1 = p->saved ? t_empty(p->keep, SHAPE(B, n), c->dtypes.accum, c->device) : NULL;
    l->h1 = fast_normalized(owner, c, t, x, d, l->rstd1);
    tensor *kv = tuned_linear(s, c, t, FAST_KV, p->tuned, rows_of(p, t->n_layers - 1), l->h1, &l->reduced);
    kv = t_reshape(owner, kv, SHAPE(B, n, 2 * W));
    l->reduced = scope_share(owner, l->reduced);
    l->k = fast_columns(owner, kv, 0, W);
    l->v = fast_columns(owner, kv, W, W);
}

/* The last layer of a chunk, at its end tokens alone, and the projection: [B,C,d] compute. */
static tensor *finish_chunk(scope *s, const struct clip *c, struct text_part *p, tensor *x,
                            struct layer_saved *l)
{
    const struct fast_tower *t = &c->fast->text;
    const int64_t B = t_size(x, 0), W = t->width, C = p->tree->n_rows;
    scope *owner = p->saved ? p->keep : s;
    tensor *x_end = t_index_select(s, x, 1, p->ends);
    tensor *q = tuned_linear(s, c, t, FAST_Q, p->tuned, end_rows_of(p, t->n_layers - 1),
                             t_index_select(s, l->h1, 1, p->ends), &l->reduced_q);
    l->q = t_reshape(owner, q, SHAPE(B, C, W));
    l->reduced_q = scope_share(owner, l->reduced_q);
    const struct tree_attention a = attention_of(c, p, l, t->n_layers - 1, true);
    tensor *o =
        fast_linear(s, c, t, t->n_layers - 1, FAST_ATTENTION_OUT, fast_rows(s, t_tree_attention(s, &a)));
    tensor *d = fast_mlp(s, p->keep, c, t, t->n_layers - 1, p->tuned, x_end, o, p->saved ? l : NULL);
    p->rstd_final = p->saved ? t_empty(p->keep, SHAPE(B, C), c->dtypes.accum, c->device) : NULL;
    p->h_final = fast_normalized(owner, c, t, x_end, d, p->rstd_final);
    return t_reshape(s, fast_linear(s, c, t, t->n_layers - 1, FAST_PROJECTION, fast_rows(s, p->h_final)),
                     SHAPE(B, C, -1));
}

/* Before layer i: its own vectors, if it has some, take the places of positions 1..n of x, which first takes
 * up the branch d. */
static void replace_positions(scope *outer, const struct text_part *p, int64_t i, tensor *x, const tensor **d)
{
    if (i == 0 || i > p->n_deep)
        return;
    const tensor *vectors = p->deep[i - 1];
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    t_add_scaled_(s, x, t_reshape(s, *d, SHAPE(t_size(x, 0), t_size(x, 1), t_size(x, 2))), 1.0);
    t_copy_(s, t_narrow(s, x, 1, 1, t_size(vectors, 1)), vectors);
    *d = NULL;
    scope_close(s);
}

tensor *text_part_forward(scope *outer, const struct clip *c, struct text_part *p, tensor *x,
                          struct prefix_layer *keys)
{
    const int64_t L = c->fast->text.n_layers;
    const tensor *d = NULL;
    tensor *features = NULL;
    scope *holder = NULL; /* of d, until the next layer has added it */
    for (int64_t i = 0; i < L; i++) {
        scope *s = scope_open(outer, SCOPE_GRAD_OFF), *next = scope_open(outer, SCOPE_GRAD_INHERIT);
        struct layer_saved l = {0};
        replace_positions(s, p, i, x, &d);
        if (i < L - 1) {
            d = scope_share(next, forward_layer(s, c, p, i, x, d, &l));
        } else {
            last_keys(s, c, p, x, d, &l);
            features = keys ? NULL : scope_keep(s, finish_chunk(s, c, p, x, &l));
        }
        if (keys)
            keys[i] = (struct prefix_layer){.k = scope_keep(s, l.k), .v = scope_keep(s, l.v)};
        if (p->saved)
            p->saved[i] = l;
        scope_close(s);
        if (holder)
            scope_close(holder);
        holder = next;
    }
    scope_close(holder);
    return features;
}

/* ---------------------------------------------------------------- backward */

/* Any layer i but the last: g becomes the gradient of its input; the prefix's share is added to `prefix`. */
static void backward_layer(scope *outer, const struct clip *c, const struct text_part *p,
                           struct prefix_layer *prefix, const struct prefix_layer *own, int64_t i,
                           bool needs_input, const struct fast_gradient *g)
{
    const struct fast_tower *t = &c->fast->text;
    const struct layer_saved *l = &p->saved[i];
    const int64_t B = t_size(g->accum, 0), n = t_size(g->accum, 1), W = t->width;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    fast_mlp_backward(s, c, t, i, p->tuned, l, g);
    tensor *d_out = fast_linear_backward(s, c, t, i, FAST_ATTENTION_OUT, fast_rows(s, g->compute));
    tensor *d_qkv = t_empty(s, SHAPE(B, n, 3 * W), c->dtypes.compute, c->device);
    tensor *d_k = fast_columns(s, d_qkv, W, W), *d_v = fast_columns(s, d_qkv, 2 * W, W);
    const struct tree_attention a = attention_of(c, p, l, i, false);
    t_tree_attention_backward(s, &a, t_reshape(s, d_out, SHAPE(B, n, W)), fast_columns(s, d_qkv, 0, W), d_k,
                              d_v, prefix ? prefix[i].d_k : NULL, prefix ? prefix[i].d_v : NULL);
    if (own) { /* the prefix: the chunks' gradients of its keys and values */
        t_add_scaled_(s, d_k, own[i].d_k, 1.0);
        t_add_scaled_(s, d_v, own[i].d_v, 1.0);
    }
    if (needs_input || p->tuned) {
        tensor *dh = tuned_linear_backward(s, c, t, FAST_QKV, p->tuned, rows_of(p, i), l->h1, l->reduced,
                                           fast_rows(s, d_qkv), needs_input);
        if (needs_input)
            t_norm_backward_(s, g->accum, fast_gradient_copy(g), t_reshape(s, dh, SHAPE(B, n, W)), l->h1,
                             l->rstd1, 0, true);
    }
    scope_close(s);
}

/* The last layer of a chunk: from its features to the gradient of the layer's input, [B,n,W]. */
static struct fast_gradient backward_finish(scope *outer, const struct clip *c, const struct text_part *p,
                                            struct prefix_layer *prefix, const tensor *d_features)
{
    const struct fast_tower *t = &c->fast->text;
    const struct layer_saved *l = &p->saved[t->n_layers - 1];
    const int64_t B = t_size(l->h1, 0), n = t_size(l->h1, 1), W = t->width, C = p->tree->n_rows;
    struct fast_gradient g = fast_gradient_empty(outer, c, SHAPE(B, n, W));
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    struct fast_gradient end = fast_gradient_empty(s, c, SHAPE(B, C, W));

    tensor *dh = fast_linear_backward(s, c, t, t->n_layers - 1, FAST_PROJECTION,
                                      fast_rows(s, t_to(s, d_features, c->dtypes.compute)));
    t_norm_backward_(s, end.accum, fast_gradient_copy(&end), t_reshape(s, dh, SHAPE(B, C, W)), p->h_final,
                     p->rstd_final, 0, false);
    fast_mlp_backward(s, c, t, t->n_layers - 1, p->tuned, l, &end);
    tensor *d_out =
        fast_linear_backward(s, c, t, t->n_layers - 1, FAST_ATTENTION_OUT, fast_rows(s, end.compute));
    tensor *d_q = t_empty(s, SHAPE(B, C, W), c->dtypes.compute, c->device);
    tensor *d_kv = t_empty(s, SHAPE(B, n, 2 * W), c->dtypes.compute, c->device);
    const struct tree_attention a = attention_of(c, p, l, t->n_layers - 1, true);
    t_tree_attention_backward(s, &a, t_reshape(s, d_out, SHAPE(B, C, W)), d_q, fast_columns(s, d_kv, 0, W),
                              fast_columns(s, d_kv, W, W), prefix ? prefix[t->n_layers - 1].d_k : NULL,
                              prefix ? prefix[t->n_layers - 1].d_v : NULL);
    tensor *d_h1 = tuned_linear_backward(s, c, t, FAST_KV, p->tuned, rows_of(p, t->n_layers - 1), l->h1,
                                         l->reduced, fast_rows(s, d_kv), true);
    d_h1 = t_reshape(s, d_h1, SHAPE(B, n, W));
    tensor *d_h1_end =
        tuned_linear_backward(s, c, t, FAST_Q, p->tuned, end_rows_of(p, t->n_layers - 1),
                              t_index_select(s, l->h1, 1, p->ends), l->reduced_q, fast_rows(s, d_q), true);
    t_index_add_(s, d_h1, p->ends, t_reshape(s, d_h1_end, SHAPE(B, C, W)));
    t_zero_(s, g.accum);
    t_index_add_(s, g.accum, p->ends, end.accum);
    t_norm_backward_(s, g.accum, fast_gradient_copy(&g), d_h1, l->h1, l->rstd1, 0, true);
    scope_close(s);
    return g;
}

tensor *text_part_backward(scope *outer, const struct clip *c, const struct text_part *p,
                           struct prefix_layer *prefix, const tensor *d_features, bool needs_input)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    struct fast_gradient g = backward_finish(s, c, p, prefix, d_features);
    for (int64_t i = c->fast->text.n_layers - 2; i >= 0; i--)
        backward_layer(s, c, p, prefix, NULL, i, i > 0 || needs_input, &g);
    tensor *out = needs_input ? scope_keep(s, g.accum) : NULL;
    scope_close(s);
    return out;
}

/* The gradient g of layer i's input ends at the layer's own vectors, if it has some. */
static void part_positions(scope *s, const struct text_part *p, int64_t i, const struct fast_gradient *g,
                           tensor **d_deep)
{
    if (i == 0 || i > p->n_deep)
        return;
    const int64_t n = t_size(p->deep[i - 1], 1);
    tensor *rows = t_narrow(s, g->accum, 1, 1, n);
    d_deep[i - 1] = t_clone(s, rows);
    t_zero_(s, rows);
    if (fast_gradient_copy(g))
        t_zero_(s, t_narrow(s, g->compute, 1, 1, n));
}

tensor *text_part_backward_prefix(scope *outer, const struct clip *c, const struct text_part *p,
                                  const struct prefix_layer *keys, tensor **d_deep)
{
    const struct fast_tower *t = &c->fast->text;
    const int64_t last = t->n_layers - 1;
    const struct layer_saved *l = &p->saved[last];
    const int64_t B = t_size(l->h1, 0), n = t_size(l->h1, 1), W = t->width;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    struct fast_gradient g = fast_gradient_empty(s, c, SHAPE(B, n, W));
    tensor *d_kv = t_to(s, t_cat(s, TENSORS(keys[last].d_k, keys[last].d_v), -1), c->dtypes.compute);
    tensor *dh = tuned_linear_backward(s, c, t, FAST_KV, p->tuned, rows_of(p, last), l->h1, l->reduced,
                                       fast_rows(s, d_kv), true);
    t_norm_backward_(s, g.accum, fast_gradient_copy(&g), t_reshape(s, dh, SHAPE(B, n, W)), l->h1, l->rstd1, 0,
                     false);
    part_positions(outer, p, last, &g, d_deep);
    for (int64_t i = last - 1; i >= 0; i--) {
        backward_layer(s, c, p, NULL, keys, i, true, &g);
        part_positions(outer, p, i, &g, d_deep);
    }
    tensor *out = scope_keep(s, g.accum);
    scope_close(s);
    return out;
}
