/* Tensors travel through the host's memory. */
#include "prompt/nn/exchange.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/share.h"

/* ---------------------------------------------------------------- to and from the host */

/* The values of a tensor of F32 or F64, at `to`; returns what follows them. A failure marks the scope. */
static void *put(void *to, scope *s, const tensor *t)
{
    const int64_t n = t_numel(t);
    if (n < 0)
        return to;
    if (t_dtype(t) == DTYPE_F64)
        (void)t_read_f64(to, (size_t)n, s, t);
    else
        (void)t_read_f32(to, (size_t)n, s, t);
    return (char *)to + (size_t)n * dtype_size(t_dtype(t));
}

/* ---------------------------------------------------------------- rows */

/* The shape of an exchange, which its backward needs, too. */
struct rows {
    struct ranks *ranks;
    struct device device;
    enum dtype dtype;
    int64_t B, n_rows, width;
    size_t counts[]; /* [ranks], values of each rank's share */
};

static struct rows *rows_create(struct ranks *ranks, const tensor *own, int64_t n_rows, struct device device)
{
    const size_t n_ranks = (size_t)ranks_size(ranks);
    struct rows *r = malloc(sizeof *r + n_ranks * sizeof r->counts[0]);
    if (!r)
        return NULL;
    *r = (struct rows){.ranks = ranks,
                       .device = device,
                       .dtype = t_dtype(own),
                       .B = t_size(own, 0),
                       .n_rows = n_rows,
                       .width = t_size(own, 2)};
    for (size_t i = 0; i < n_ranks; i++)
        r->counts[i] = (size_t)(r->B * share_of(n_rows, (int64_t)i, (int64_t)n_ranks).n * r->width);
    return r;
}

static size_t n_bytes(const struct rows *r)
{
    return (size_t)(r->B * r->n_rows * r->width) * dtype_size(r->dtype);
}

/* The blocks of all ranks as one tensor, [B,K,d]. */
static tensor *join_blocks(scope *outer, const struct rows *r, const void *blocks)
{
    const int64_t n_ranks = ranks_size(r->ranks);
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    const tensor **parts = calloc((size_t)n_ranks, sizeof *parts);
    const char *at = blocks;
    if (!parts)
        scope_fail(s, error_out_of_memory());
    for (int64_t i = 0; parts && i < n_ranks; i++) {
        const int64_t n = share_of(r->n_rows, i, n_ranks).n;
        parts[i] = t_from_memory(s, at, r->dtype, SHAPE(r->B, n, r->width));
        at += r->counts[i] * dtype_size(r->dtype);
    }
    tensor *all = scope_ok(s) ? t_cat(s, parts, (size_t)n_ranks, 1) : NULL; /* a copy */
    all = scope_keep(s, t_to_device(s, all, r->device));
    free(parts);
    scope_close(s);
    return all;
}

static tensor *gather(scope *outer, const struct rows *r, const tensor *own)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    const int64_t n_ranks = ranks_size(r->ranks);
    const size_t size = dtype_size(r->dtype);
    void *block = malloc(r->counts[ranks_rank(r->ranks)] * size + 1), *blocks = malloc(n_bytes(r) + 1);
    size_t *bytes = calloc((size_t)n_ranks, sizeof *bytes);
    int status = block && blocks && bytes ? OK : error_out_of_memory();
    for (int64_t i = 0; status == OK && i < n_ranks; i++)
        bytes[i] = r->counts[i] * size;
    if (status == OK)
        put(block, s, own);
    if (status == OK && (status = scope_status(s)) == OK)
        status = ranks_gather(r->ranks, blocks, block, bytes);
    if (status != OK)
        scope_fail(s, status);
    tensor *all = scope_ok(s) ? scope_keep(s, join_blocks(s, r, blocks)) : NULL;
    free(block);
    free(blocks);
    free(bytes);
    scope_close(s);
    return all;
}

/* Sends to each rank the gradient of its rows and adds up that of the own ones. */
static void backward(tensor **input_grads, scope *outer, void *state, const tensor *d_all)
{
    const struct rows *r = state;
    const int64_t n_ranks = ranks_size(r->ranks), rank = ranks_rank(r->ranks);
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    void *blocks = malloc(n_bytes(r) + 1);
    void *own = malloc(r->counts[rank] * dtype_size(r->dtype) + 1);
    if (!blocks || !own)
        scope_fail(s, error_out_of_memory());
    char *at = blocks;
    for (int64_t i = 0; i < n_ranks && scope_ok(s); i++) {
        const struct share share = share_of(r->n_rows, i, n_ranks);
        at = put(at, s, t_contiguous(s, t_narrow(s, d_all, 1, share.first, share.n)));
    }
    int status = scope_status(s);
    if (status == OK && (status = ranks_sum_block(r->ranks, own, blocks, r->counts, r->dtype)) != OK)
        scope_fail(s, status);
    if (scope_ok(s)) {
        const int64_t n = share_of(r->n_rows, rank, n_ranks).n;
        tensor *host = t_from_memory(s, own, r->dtype, SHAPE(r->B, n, r->width));
        input_grads[0] = scope_keep(s, t_to_device(s, t_clone(s, host), r->device));
    }
    free(blocks);
    free(own);
    scope_close(s);
}

tensor *exchange_rows(scope *s, struct tape *tape, struct ranks *ranks, const tensor *own, int64_t n_rows,
                      struct device device)
{
    if (ranks_size(ranks) == 1 || !scope_ok(s))
        return scope_share(s, own);
    struct rows *r = rows_create(ranks, own, n_rows, device);
    const tensor **inputs = calloc(1, sizeof *inputs);
    tensor *all = r && inputs ? gather(s, r, own) : NULL;
    if (!r || !inputs)
        scope_fail(s, error_out_of_memory());
    if (!all || !tape || !t_requires_grad(own)) {
        free(r);
        free(inputs);
        return all;
    }
    inputs[0] = own;
    return tape_add(
        tape, s, all,
        (struct tape_node){
            .inputs = inputs, .n_inputs = 1, .state = r, .backward = backward, .free_state = free});
}

/* ---------------------------------------------------------------- parameters */

/* Values of `size` bytes each at `from`, for tensors that exist on a device. Returns what follows them. */
static const void *take(scope *outer, tensor *to, const void *from)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    int64_t dims[16];
    const int64_t n_dims = t_dim(to);
    for (int64_t i = 0; i < n_dims && i < 16; i++)
        dims[i] = t_size(to, i);
    t_copy_(s, to, t_from_memory(s, from, t_dtype(to), dims, (size_t)n_dims));
    scope_close(s);
    return (const char *)from + (size_t)t_numel(to) * dtype_size(t_dtype(to));
}

/* The tensors' gradients, or themselves. */
static tensor *choose(scope *s, const struct param *p, bool gradients)
{
    return gradients ? t_grad(s, p->value) : p->value;
}

/* All of them one after another, [*n] values, owned; all have the dtype of the first. NULL marks the scope. */
static void *flatten(size_t *n, scope *s, const struct params *p, bool gradients)
{
    *n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const tensor *t = choose(s, &p->items[i], gradients);
        *n += t ? (size_t)t_numel(t) : 0;
    }
    void *values = malloc(*n * dtype_size(DTYPE_F64) + 1), *at = values;
    if (!values)
        scope_fail(s, error_out_of_memory());
    for (size_t i = 0; i < p->n && scope_ok(s); i++) {
        const tensor *t = choose(s, &p->items[i], gradients);
        at = t ? put(at, s, t) : at;
    }
    return values;
}

static void unflatten(scope *s, const struct params *p, bool gradients, const void *values)
{
    for (size_t i = 0; i < p->n && scope_ok(s); i++) {
        tensor *t = choose(s, &p->items[i], gradients);
        values = t ? take(s, t, values) : values;
    }
}

static double largest_of(const void *values, size_t n, enum dtype dtype)
{
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double size =
            fabs(dtype == DTYPE_F64 ? ((const double *)values)[i] : (double)((const float *)values)[i]);
        largest = size <= largest ? largest : size; /* a NaN stays */
        if (isnan(size))
            return size;
    }
    return largest;
}

int exchange_gradients(double *largest, scope *outer, struct ranks *ranks, const struct params *trained)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    size_t n = 0;
    const enum dtype dtype = trained->n > 0 ? t_dtype(trained->items[0].value) : DTYPE_F32;
    void *values = flatten(&n, s, trained, true);
    int status = scope_status(s);
    if (status == OK && (status = ranks_sum(ranks, values, n, dtype)) == OK) {
        *largest = largest_of(values, n, dtype);
        unflatten(s, trained, true, values);
    }
    free(values);
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

int exchange_values(scope *outer, struct ranks *ranks, const struct params *params)
{
    if (ranks_size(ranks) == 1)
        return OK;
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    size_t n = 0;
    const enum dtype dtype = params->n > 0 ? t_dtype(params->items[0].value) : DTYPE_F32;
    void *values = flatten(&n, s, params, false);
    int status = scope_status(s);
    if (status == OK && (status = ranks_broadcast(ranks, values, n * dtype_size(dtype))) == OK)
        unflatten(s, params, false, values);
    free(values);
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}
