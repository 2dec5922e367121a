/* Ranks over a transport: sums in their order, agreements, cores. */
#include "prompt/ranks/ranks.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/clock.h"
#include "prompt/base/error.h"
#include "prompt/base/process.h"
#include "prompt/base/share.h"
#include "transport.h"

/* Of a rank that fails, for the others; they may be in an exchange that it will never come to. */
static const double END_S = 2.0;

struct ranks {
    struct transport *all, *end; /* the same ranks; `end` for ranks_end alone, which others may miss */
    int local_size, local_rank;
    struct process_mask *masks; /* [local_size], of this host's ranks, owned */
    bool is_broken;             /* a rank was missing at the end */
    struct ranks_time time;
};

static bool is_one(const struct ranks *r)
{
    return !r || r->all->size == 1;
}

/* ---------------------------------------------------------------- who they are */

int64_t ranks_size(const struct ranks *r)
{
    return r ? r->all->size : 1;
}

int64_t ranks_rank(const struct ranks *r)
{
    return r ? r->all->rank : 0;
}

bool ranks_is_first(const struct ranks *r)
{
    return ranks_rank(r) == 0;
}

int64_t ranks_local_size(const struct ranks *r)
{
    return r ? r->local_size : 1;
}

int64_t ranks_local_rank(const struct ranks *r)
{
    return r ? r->local_rank : 0;
}

struct ranks_time ranks_time(const struct ranks *r)
{
    return r ? r->time : (struct ranks_time){0};
}

/* ---------------------------------------------------------------- cores */

int64_t ranks_cores(const struct ranks *r)
{
    int64_t n_sharing = 0;
    for (int i = 0; r && i < r->local_size; i++)
        n_sharing += process_masks_overlap(&r->masks[i], &r->masks[r->local_rank]);
    const int64_t n = process_cores() / (n_sharing > 1 ? n_sharing : 1);
    return n > 0 ? n : 1;
}

void ranks_describe_cores(struct str *out, const struct ranks *r)
{
    struct process_mask used = {0};
    struct process_limits limits;
    process_find_limits(&limits);
    if (!r && launcher_find().kind == LAUNCHER_NONE)
        return;
    if (!r)
        process_find_mask(&used);
    for (int i = 0; r && i < r->local_size; i++)
        process_mask_add(&used, &r->masks[i]);
    const int64_t n_used = process_mask_count(&used), n_ranks = ranks_local_size(r);
    if (n_used > 0 && n_used < limits.processors)
        str_appendf(out,
                    "%s bound the %s of this host to %" PRId64 " of its %" PRId64
                    " processors; mpirun's --bind-to none, or --map-by slot:PE=n, gives more",
                    launcher_name(launcher_find().kind), n_ranks == 1 ? "one process" : "processes", n_used,
                    limits.processors);
}

/* ---------------------------------------------------------------- start */

/* Who is on this host, and where they may run. */
static int look_around(struct ranks *r)
{
    struct transport *host = NULL;
    struct process_mask mask;
    r->all->ops->split(&host, r->all, -1);
    if (!host)
        return error_out_of_memory();
    r->local_size = host->size;
    r->local_rank = host->rank;
    r->masks = calloc((size_t)host->size, sizeof *r->masks);
    size_t *counts = calloc((size_t)host->size, sizeof *counts);
    if (r->masks && counts) {
        process_find_mask(&mask);
        for (int i = 0; i < host->size; i++)
            counts[i] = sizeof mask;
        host->ops->gather(host, r->masks, &mask, counts);
    }
    free(counts);
    host->ops->leave(host);
    return r->masks ? OK : error_out_of_memory();
}

static void free_ranks(struct ranks *r)
{
    if (r->end)
        r->end->ops->leave(r->end);
    free(r->masks);
    free(r);
}

static int open_all(struct ranks **out, const struct launcher *launcher)
{
    struct ranks *r = calloc(1, sizeof *r);
    if (!r)
        return error_out_of_memory();
    int status = transport_open(&r->all, launcher);
    if (status != OK) {
        free(r);
        return status;
    }
    r->all->ops->split(&r->end, r->all, 0);
    status = r->end ? look_around(r) : error_out_of_memory();
    if (status != OK) { /* the others have begun: they cannot go on without this one */
        r->all->ops->abort(r->all, error_exit_code(status));
        return status;
    }
    *out = r;
    return OK;
}

int ranks_open(struct ranks **out)
{
    const struct launcher launcher = launcher_find();
    *out = NULL;
    if (launcher.size == 1)
        return OK;
    int status = open_all(out, &launcher);
    if (status != OK && launcher.rank > 0) /* one line, not one from each */
        error_clear();
    return status;
}

int ranks_check_one(const char *command)
{
    const struct launcher launcher = launcher_find();
    if (launcher.size == 1)
        return OK;
    int status = error_set(ERR_USAGE, "'prompt %s' is one process, but %s started %" PRId64, command,
                           launcher_name(launcher.kind), launcher.size);
    if (launcher.rank > 0)
        error_clear();
    return status;
}

int ranks_split(struct ranks **out, const struct ranks *r, int64_t color)
{
    *out = NULL;
    if (!r)
        return OK;
    struct ranks *group = calloc(1, sizeof *group);
    if (!group)
        return error_out_of_memory();
    r->all->ops->split(&group->all, r->all, (int)color);
    if (!group->all) {
        free(group);
        return error_out_of_memory();
    }
    *out = group;
    return OK;
}

void ranks_leave(struct ranks *group)
{
    if (!group)
        return;
    group->all->ops->leave(group->all);
    free_ranks(group);
}

/* ---------------------------------------------------------------- exchanges */

/* Waits for all; what follows moves data until stop_clock. */
static double begin_exchange(struct ranks *r)
{
    const double start_s = clock_s();
    (void)r->all->ops->arrive(r->all, (double)INFINITY);
    const double now_s = clock_s();
    r->time.wait_s += now_s - start_s;
    return now_s;
}

static void end_exchange(struct ranks *r, double start_s)
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
        const double start_s = begin_exchange(r);
        sum_blocks(r, own, mine, all, bytes, bytes + n, dtype);
        end_exchange(r, start_s);
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
        end_exchange(r, start_s);
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
    const double start_s = begin_exchange(r);
    r->all->ops->gather(r->all, all, own, counts);
    end_exchange(r, start_s);
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
    const double start_s = begin_exchange(r);
    r->all->ops->gather(r->all, sizes, &own, sizes + n);
    end_exchange(r, start_s);
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
        end_exchange(r, start_s);
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
    const double start_s = begin_exchange(r);
    r->all->ops->broadcast(r->all, 0, bytes, n);
    end_exchange(r, start_s);
    return OK;
}

/* The text of `root` on all ranks. */
static int broadcast_text(struct transport *t, int root, struct str *text)
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
    const double start_s = begin_exchange(r);
    int status = broadcast_text(r->all, 0, text);
    end_exchange(r, start_s);
    return status;
}

/* ---------------------------------------------------------------- agreement */

/* A rank's status and what its message begins with. */
struct verdict {
    int status;
    char message[252];
};

/* The first failure on all ranks that have come to `t`. */
static int agree(struct transport *t, int status)
{
    const size_t n = (size_t)t->size;
    struct verdict own = {.status = status}, *all = calloc(n, sizeof *all);
    size_t *counts = calloc(n, sizeof *counts);
    if (!all || !counts)
        abort(); /* a few bytes; the others cannot go on without this rank's */
    if (status != OK)
        strncpy(own.message, error_message(), sizeof own.message - 1);
    for (size_t i = 0; i < n; i++)
        counts[i] = sizeof own;
    t->ops->gather(t, all, &own, counts);
    size_t failed = 0;
    bool alike = true;
    while (failed < n && all[failed].status == OK)
        failed++;
    for (size_t i = 0; i < n; i++)
        alike = alike && memcmp(&all[i], &all[0], sizeof own) == 0;
    const int first_status = failed < n ? all[failed].status : OK;
    free(all);
    free(counts);
    if (first_status == OK || alike)
        return first_status;
    struct str text = {0};
    if ((size_t)t->rank == failed)
        str_appendf(&text, "rank %d on %s: %s", t->rank, t->host, error_message());
    int told = broadcast_text(t, (int)failed, &text);
    if (told == OK)
        error_set((enum status)first_status, "%s", str_text(&text));
    str_free(&text);
    return first_status;
}

int ranks_agree(struct ranks *r, int status)
{
    if (is_one(r))
        return status;
    const double start_s = begin_exchange(r);
    status = agree(r->all, status);
    end_exchange(r, start_s);
    return status;
}

int ranks_follow(struct ranks *r, int status)
{
    struct str text = {0};
    if (is_one(r))
        return status;
    str_append(&text, status == OK ? "" : error_message());
    int told = ranks_broadcast(r, &status, sizeof status);
    if (told == OK && status != OK && (told = ranks_broadcast_text(r, &text)) == OK)
        error_set((enum status)status, "%s", str_text(&text));
    str_free(&text);
    return told == OK ? status : told;
}

/* ---------------------------------------------------------------- end */

int ranks_end(struct ranks *r, int status)
{
    if (!r)
        return status;
    if (!r->end->ops->arrive(r->end, status == OK ? (double)INFINITY : END_S)) {
        r->is_broken = true;
        return error_context("rank %d on %s", r->all->rank, r->all->host);
    }
    status = agree(r->end, status);
    if (!ranks_is_first(r))
        error_clear();
    return status;
}

void ranks_close(struct ranks *r, int exit_code)
{
    if (!r)
        return;
    struct transport *all = r->all;
    if (r->is_broken)
        all->ops->abort(all, exit_code);
    free_ranks(r);
    all->ops->close(all);
}
