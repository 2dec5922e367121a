/* Exchanges of data: each waits for all ranks, asleep, and then moves them. */
#include "prompt/ranks/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "prompt/base/clock.h"
#include "prompt/base/share.h"

static bool is_one(const struct ranks *r)
{
    return ranks_size(r) == 1;
}

double ranks_begin_exchange(struct ranks *r)
{
    const double start_s = clock_s();
    (void)r->all->ops->arrive(r->all, (double)INFINITY);
    const double now_s = clock_s();
    r->time.wait_s += now_s - start_s;
    return now_s;
}

void ranks_end_exchange(struct ranks *r, double start_s)
{
    r->time.move_s += clock_s() - start_s;
}

static size_t sum_of(const size_t *counts, int n)
{
    size_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += counts[i];
    return sum;
}

/* a += b */
static void add(void *a, const void *b, size_t n, enum dtype dtype)
{
    if (dtype == DTYPE_F32)
        for (size_t i = 0; i < n; i++)
            ((float *)a)[i] += ((const float *)b)[i];
    else if (dtype == DTYPE_F64)
        for (size_t i = 0; i < n; i++)
            ((double *)a)[i] += ((const double *)b)[i];
    else
        for (size_t i = 0; i < n; i++)
            ((int64_t *)a)[i] += ((const int64_t *)b)[i];
}

/* Each rank gets its block from all, and adds them in their order. Sizes are bytes; `mine` has room for one block of
 * each rank. */
static void sum_blocks(struct ranks *r, void *own, void *mine, const void *all, const size_t *counts,
                       const size_t *own_counts, enum dtype dtype)
{
    const size_t n = own_counts[0];
    r->all->ops->exchange(r->all, mine, own_counts, all, counts);
    memcpy(own, mine, n);
    for (int i = 1; i < r->all->size; i++)
        add(own, (char *)mine + (size_t)i * n, n / dtype_size(dtype), dtype);
}

int ranks_sum_block(struct ranks *r, void *own, const void *all, const size_t *counts, enum dtype dtype)
{
    const size_t size = dtype_size(dtype);
    if (is_one(r)) {
        memcpy(own, all, counts[0] * size);
        return OK;
    }
    const int n = r->all->size;
    const size_t n_own = counts[r->all->rank];
    size_t *bytes = calloc(2 * (size_t)n, sizeof *bytes);
    void *mine = malloc((size_t)n * n_own * size + 1);
    int status = bytes && mine ? OK : error_out_of_memory();
    if (status == OK) {
        for (int i = 0; i < n; i++) {
            bytes[i] = counts[i] * size;
            bytes[n + i] = n_own * size;
        }
        const double start_s = ranks_begin_exchange(r);
        sum_blocks(r, own, mine, all, bytes, bytes + n, dtype);
        ranks_end_exchange(r, start_s);
    }
    free(bytes);
    free(mine);
    return status;
}

/* Each rank sums a share of the values, then all shares are put together: a rank receives two times the values,
 * whatever the number of ranks, and the order of the sum depends on nothing. */
int ranks_sum(struct ranks *r, void *values, size_t n, enum dtype dtype)
{
    if (is_one(r) || n == 0)
        return OK;
    const int size = r->all->size;
    size_t *counts = calloc(2 * (size_t)size, sizeof *counts);
    const struct share share = share_of((int64_t)n, r->all->rank, size);
    void *own = malloc((size_t)share.n * dtype_size(dtype) + 1);
    int status = counts && own ? OK : error_out_of_memory();
    for (int i = 0; status == OK && i < size; i++) {
        counts[i] = (size_t)share_of((int64_t)n, i, size).n;
        counts[size + i] = counts[i] * dtype_size(dtype);
    }
    if (status == OK && (status = ranks_sum_block(r, own, values, counts, dtype)) == OK) {
        const double start_s = clock_s();
        r->all->ops->gather(r->all, values, own, counts + size);
        ranks_end_exchange(r, start_s);
    }
    free(counts);
    free(own);
    return status;
}

int ranks_gather(struct ranks *r, void *all, const void *own, const size_t *counts)
{
    if (is_one(r)) {
        memcpy(all, own, counts[0]);
        return OK;
    }
    const double start_s = ranks_begin_exchange(r);
    r->all->ops->gather(r->all, all, own, counts);
    ranks_end_exchange(r, start_s);
    return OK;
}

/* The sizes of all ranks' blocks, [size] on every rank; owned. */
static size_t *gather_sizes(struct ranks *r, size_t own)
{
    const size_t n = (size_t)r->all->size;
    size_t *sizes = calloc(2 * n, sizeof *sizes);
    if (!sizes) {
        error_out_of_memory();
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        sizes[n + i] = sizeof own;
    const double start_s = ranks_begin_exchange(r);
    r->all->ops->gather(r->all, sizes, &own, sizes + n);
    ranks_end_exchange(r, start_s);
    return sizes;
}

int ranks_collect(struct ranks *r, struct str *all, size_t *sizes, const void *own, size_t n)
{
    if (is_one(r)) {
        sizes[0] = n;
        str_append_n(all, own, n);
        return str_status(all);
    }
    size_t *found = gather_sizes(r, n);
    if (!found)
        return ERR_MEMORY;
    const bool is_first = ranks_is_first(r);
    const size_t total = is_first ? sum_of(found, r->all->size) : 0;
    char *bytes = malloc(total + 1);
    int status = bytes ? OK : error_out_of_memory();
    if (status == OK) {
        const double start_s = clock_s();
        r->all->ops->collect(r->all, bytes, found, own, n);
        ranks_end_exchange(r, start_s);
    }
    if (status == OK && is_first) {
        memcpy(sizes, found, (size_t)r->all->size * sizeof *sizes);
        str_append_n(all, bytes, total);
        status = str_status(all);
    }
    free(bytes);
    free(found);
    return status;
}

int ranks_broadcast(struct ranks *r, void *bytes, size_t n)
{
    if (is_one(r))
        return OK;
    const double start_s = ranks_begin_exchange(r);
    r->all->ops->broadcast(r->all, 0, bytes, n);
    ranks_end_exchange(r, start_s);
    return OK;
}

int ranks_send_text(struct transport *t, int root, struct str *text)
{
    uint64_t n = text->len;
    t->ops->broadcast(t, root, &n, sizeof n);
    char *bytes = malloc((size_t)n + 1);
    if (!bytes)
        return error_out_of_memory();
    if (t->rank == root && n > 0)
        memcpy(bytes, text->data, (size_t)n);
    t->ops->broadcast(t, root, bytes, (size_t)n);
    str_clear(text);
    str_append_n(text, bytes, (size_t)n);
    free(bytes);
    return str_status(text);
}

int ranks_broadcast_text(struct ranks *r, struct str *text)
{
    if (is_one(r))
        return OK;
    const double start_s = ranks_begin_exchange(r);
    int status = ranks_send_text(r->all, 0, text);
    ranks_end_exchange(r, start_s);
    return status;
}
