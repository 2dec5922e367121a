/* Products after a norm in a tower with trained changes. */
#include "tuned.h"

#include <math.h>

/* ---------------------------------------------------------------- norms */

/* Which of the block's two norms comes before a product. */
static int64_t norm_before(enum fast_product product)
{
    return product == FAST_MLP_IN ? 1 : 0;
}

/* Weight or bias of the norm before a product, trained or frozen, [W] compute. */
struct affine {
    const tensor *scale, *shift;
};

static const tensor *norm_row(scope *s, const struct clip *c, const tensor *all, int64_t layer, int64_t norm)
{
    return t_to(s, t_select(s, t_select(s, all, 0, layer), 0, norm), c->dtypes.compute);
}

static struct affine affine_of(scope *s, const struct clip *c, const struct fast_tower *t,
                               enum fast_product product, const struct tuned_pass *p, int64_t layer)
{
    const int64_t norm = norm_before(product);
    if (p->tuning.norm_weight)
        return (struct affine){norm_row(s, c, p->tuning.norm_weight, layer, norm),
                               norm_row(s, c, p->tuning.norm_bias, layer, norm)};
    const struct nn_norm *frozen = fast_norm(s, c, t, layer, norm);
    return frozen ? (struct affine){frozen->weight, frozen->bias} : (struct affine){0};
}

/* ---------------------------------------------------------------- low-rank additions */

/* The parts j of query, key and value that a product has. */
struct parts {
    int64_t first, n;
};

static struct parts parts_of(const struct tuned_pass *p, enum fast_product product)
{
    if (!p->tuning.a || product == FAST_MLP_IN)
        return (struct parts){0};
    if (product == FAST_Q)
        return (struct parts){.first = 0, .n = 1};
    return product == FAST_KV ? (struct parts){.first = 1, .n = 2} : (struct parts){.first = 0, .n = 3};
}

/* The factor on b a h of part j; the query has attention's scale. */
static double factor_of(const struct fast_tower *t, const struct tuned_pass *p, int64_t j)
{
    const double scale = tuning_scale(&p->tuning);
    return j == 0 ? scale / sqrt((double)(t->width / t->n_heads)) : scale;
}

/* a of the parts, [n r,W] compute. */
static tensor *stacked_a(scope *s, const struct clip *c, const struct tuned_pass *p, struct parts parts,
                         int64_t layer)
{
    tensor *a = t_narrow(s, t_select(s, p->tuning.a, 0, layer), 0, parts.first, parts.n);
    return t_to(s, t_reshape(s, a, SHAPE(parts.n * t_size(a, 1), t_size(a, 2))), c->dtypes.compute);
}

/* The part's block of a block-diagonal [n W,n r]. */
static tensor *block_of(scope *s, const tensor *diagonal, int64_t k, int64_t n)
{
    const int64_t W = t_size(diagonal, 0) / n, r = t_size(diagonal, 1) / n;
    return t_narrow(s, t_narrow(s, diagonal, 0, k * W, W), 1, k * r, r);
}

/* b of the parts with their factors, block-diagonal, [n W,n r] compute. */
static tensor *diagonal_b(scope *s, const struct clip *c, const struct fast_tower *t,
                          const struct tuned_pass *p, struct parts parts, int64_t layer)
{
    const tensor *b = t_select(s, p->tuning.b, 0, layer); /* [3,W,r] */
    const int64_t W = t->width, r = t_size(b, 2);
    tensor *out = t_zeros(s, SHAPE(parts.n * W, parts.n * r), c->dtypes.compute, c->device);
    for (int64_t k = 0; k < parts.n; k++) {
        const int64_t j = parts.first + k;
        t_copy_(s, block_of(s, out, k, parts.n), t_scale(s, t_select(s, b, 0, j), factor_of(t, p, j)));
    }
    return out;
}

/* The dropout's mask of part j on the input y [B,T,W], as [B T,W]; NULL without dropout. */
static tensor *mask_of(scope *s, const struct clip *c, const struct tuned_pass *p, struct tuned_rows rows,
                       int64_t j, const tensor *h)
{
    if (p->tuning.dropout.p == 0.0)
        return NULL;
    const int64_t B = t_size(h, 0), T = t_size(h, 1), W = t_size(h, 2);
    tensor *mask = tuning_mask(s, &p->tuning, rows.layer, j, rows.ids,
                               (const int64_t[]){B, rows.first + T, W}, c->dtypes.compute, c->device);
    return t_contiguous(s, fast_rows(s, t_narrow(s, mask, 1, rows.first, T)));
}

/* a y of the parts, [B T,n r]. */
static tensor *reduce(scope *s, const struct clip *c, const struct tuned_pass *p, struct parts parts,
                      struct tuned_rows rows, const tensor *h, const tensor *y)
{
    tensor *a = stacked_a(s, c, p, parts, rows.layer);
    if (p->tuning.dropout.p == 0.0)
        return t_matmul(s, y, t_transpose(s, a, 0, 1));
    const int64_t r = t_size(a, 0) / parts.n;
    const tensor *reduced[3];
    for (int64_t k = 0; k < parts.n; k++) {
        tensor *kept = mask_of(s, c, p, rows, parts.first + k, h);
        t_mul_(s, kept, y);
        reduced[k] = t_matmul(s, kept, t_transpose(s, t_narrow(s, a, 0, k * r, r), 0, 1));
    }
    return t_cat(s, reduced, (size_t)parts.n, 1);
}

tensor *tuned_linear(scope *s, const struct clip *c, const struct fast_tower *t, enum fast_product product,
                     const struct tuned_pass *p, struct tuned_rows rows, const tensor *h, tensor **reduced)
{
    const struct parts parts = p ? parts_of(p, product) : (struct parts){0};
    const bool is_bare = p && p->tuning.norm_weight;
    if (parts.n == 0 && !is_bare)
        return fast_linear(s, c, t, rows.layer, product, fast_rows(s, h));
    const struct affine norm = affine_of(s, c, t, product, p, rows.layer);
    tensor *y = t_affine(s, fast_rows(s, h), norm.scale, norm.shift);
    tensor *out = is_bare ? fast_linear_bare(s, c, t, rows.layer, product, y)
                          : fast_linear(s, c, t, rows.layer, product, fast_rows(s, h));
    if (parts.n == 0)
        return out;
    tensor *u = reduce(s, c, p, parts, rows, h, y);
    t_add_product_(s, out, u, t_transpose(s, diagonal_b(s, c, t, p, parts, rows.layer), 0, 1));
    if (reduced)
        *reduced = u;
    return out;
}

/* ---------------------------------------------------------------- backward */

/* Adds to d_b: dy^T u has the parts' gradients as its diagonal blocks. */
static void add_d_b(scope *s, const struct fast_tower *t, const struct tuned_pass *p, struct parts parts,
                    int64_t layer, const tensor *dy, const tensor *u)
{
    if (!p->d_b)
        return;
    tensor *all = t_matmul(s, t_transpose(s, dy, 0, 1), u); /* [n W,n r] */
    for (int64_t k = 0; k < parts.n; k++) {
        const int64_t j = parts.first + k;
        t_add_scaled_(s, t_select(s, t_select(s, p->d_b, 0, layer), 0, j), block_of(s, all, k, parts.n),
                      factor_of(t, p, j));
    }
}

/* Adds to d_a, and returns the gradient of y through the low-rank additions, [B T,W]. */
static tensor *backward_reduce(scope *s, const struct clip *c, const struct tuned_pass *p, struct parts parts,
                               struct tuned_rows rows, const tensor *h, const tensor *y, const tensor *du)
{
    tensor *a = stacked_a(s, c, p, parts, rows.layer);
    tensor *d_a = p->d_a ? t_narrow(s, t_select(s, p->d_a, 0, rows.layer), 0, parts.first, parts.n) : NULL;
    const int64_t r = t_size(a, 0) / parts.n, W = t_size(a, 1);
    if (p->tuning.dropout.p == 0.0) {
        if (d_a)
            t_add_scaled_(s, d_a,
                          t_reshape(s, t_matmul(s, t_transpose(s, du, 0, 1), y), SHAPE(parts.n, r, W)), 1.0);
        return t_matmul(s, du, a);
    }
    tensor *dy = NULL;
    for (int64_t k = 0; k < parts.n; k++) {
        tensor *mask = mask_of(s, c, p, rows, parts.first + k, h);
        tensor *own = t_narrow(s, du, 1, k * r, r);
        tensor *d = t_matmul(s, own, t_narrow(s, a, 0, k * r, r));
        t_mul_(s, d, mask);
        if (dy)
            t_add_scaled_(s, dy, d, 1.0);
        else
            dy = d;
        t_mul_(s, mask, y); /* the kept input */
        if (d_a)
            t_add_scaled_(s, t_select(s, d_a, 0, k), t_matmul(s, t_transpose(s, own, 0, 1), mask), 1.0);
    }
    return dy;
}

/* The gradient of y, the norm's output, through the low-rank additions; NULL if there are none. */
static tensor *backward_low_rank(scope *s, const struct clip *c, const struct fast_tower *t,
                                 const struct tuned_pass *p, struct parts parts, struct tuned_rows rows,
                                 const tensor *h, struct affine norm, const tensor *reduced, const tensor *dy)
{
    if (parts.n == 0)
        return NULL;
    tensor *y = t_affine(s, fast_rows(s, h), norm.scale, norm.shift);
    add_d_b(s, t, p, parts, rows.layer, dy, reduced);
    tensor *du = t_matmul(s, dy, diagonal_b(s, c, t, p, parts, rows.layer));
    return backward_reduce(s, c, p, parts, rows, h, y, du);
}

/* d, the gradient of the norm's output, becomes that of h; a trained norm's own gradients are added. */
static void backward_norm(scope *s, const struct tuned_pass *p, int64_t layer, enum fast_product product,
                          const tensor *h, struct affine norm, tensor *d)
{
    const int64_t which = norm_before(product);
    tensor *d_weight =
        p->d_norm_weight ? t_select(s, t_select(s, p->d_norm_weight, 0, layer), 0, which) : NULL;
    tensor *d_bias = p->d_norm_bias ? t_select(s, t_select(s, p->d_norm_bias, 0, layer), 0, which) : NULL;
    t_affine_backward_(s, d, fast_rows(s, h), norm.scale, d_weight, d_bias);
}

tensor *tuned_linear_backward(scope *s, const struct clip *c, const struct fast_tower *t,
                              enum fast_product product, const struct tuned_pass *p, struct tuned_rows rows,
                              const tensor *h, const tensor *reduced, const tensor *dy, bool needs_input)
{
    const struct parts parts = p ? parts_of(p, product) : (struct parts){0};
    const bool is_bare = p && p->tuning.norm_weight;
    if (parts.n == 0 && !is_bare)
        return needs_input ? fast_linear_backward(s, c, t, rows.layer, product, dy) : NULL;
    const struct affine norm = affine_of(s, c, t, product, p, rows.layer);
    tensor *d = backward_low_rank(s, c, t, p, parts, rows, h, norm, reduced, dy);
    if (!is_bare && !needs_input)
        return NULL;
    if (is_bare) {
        tensor *through = fast_linear_bare_backward(s, c, t, rows.layer, product, dy);
        if (d)
            t_add_scaled_(s, through, d, 1.0);
        d = through;
    }
    backward_norm(s, p, rows.layer, product, h, norm, d);
    if (!is_bare) /* the frozen norm is folded into the weight */
        t_add_scaled_(s, d, fast_linear_backward(s, c, t, rows.layer, product, dy), 1.0);
    return d;
}

/* ---------------------------------------------------------------- sums of gradients */

static tensor *zeros_like(scope *s, const struct clip *c, const tensor *t)
{
    return t && t_requires_grad(t) ? t_to(s, t_scale(s, t_detach(s, t), 0.0), c->dtypes.accum) : NULL;
}

void tuned_open_gradients(scope *s, const struct clip *c, struct tuned_pass *p)
{
    const struct tower_tuning *t = &p->tuning;
    p->d_a = zeros_like(s, c, t->a);
    p->d_b = zeros_like(s, c, t->b);
    p->d_norm_weight = zeros_like(s, c, t->norm_weight);
    p->d_norm_bias = zeros_like(s, c, t->norm_bias);
}

void tuned_gradients(tensor **out, const struct tuned_pass *p)
{
    const struct tower_tuning *t = &p->tuning;
    size_t n = 0;
    if (t->a)
        out[n++] = p->d_a;
    if (t->b)
        out[n++] = p->d_b;
    if (t->norm_weight)
        out[n++] = p->d_norm_weight;
    if (t->norm_bias)
        out[n++] = p->d_norm_bias;
}
