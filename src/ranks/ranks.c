/* Ranks over a transport: sums in their order, agreements, cores. */
#include "prompt/ranks/ranks.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "prompt/base/clock.h"
#include "prompt/base/error.h"
#include "prompt/base/process.h"
#include "prompt/base/share.h"

/* Of a rank that fails, for the others; they may be in an exchange that it will never come to. */
static const double END_S = 2.0;

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
        n_sharing += core_set_first(&r->cores[i], &r->cores[r->local_rank], true) < CORE_SET_SIZE;
    const int64_t n = process_cores() / (n_sharing > 1 ? n_sharing : 1);
    return n > 0 ? n : 1;
}

void ranks_describe_cores(struct str *out, const struct ranks *r)
{
    struct core_set used = {0}, all = {0};
    const enum launcher_kind kind = launcher_find().kind;
    if (kind == LAUNCHER_NONE || kind == LAUNCHER_SRUN) /* srun gives what the job asked for */
        return;
    if (!r)
        core_set_allowed(&used, 0);
    for (int i = 0; r && i < r->local_size; i++)
        for (size_t k = 0; k < sizeof used.bits / sizeof used.bits[0]; k++)
            used.bits[k] |= r->cores[i].bits[k];
    core_set_allowed(&all, getppid()); /* the launcher's, which it binds ranks to parts of */
    const int64_t n_used = core_set_count(&used), n_ranks = ranks_local_size(r), n_all = core_set_count(&all);
    if (n_used > 0 && n_used <= n_ranks && n_used < n_all)
        str_appendf(out,
                    "%s bound the %s of this host to %" PRId64 " of its %" PRId64
                    " processors; mpirun's --bind-to none, or --map-by slot:PE=n, gives more",
                    launcher_name(kind), n_ranks == 1 ? "one process" : "processes", n_used, n_all);
}

/* ---------------------------------------------------------------- start */

/* Who is on this host, and where they may run. */
static int look_around(struct ranks *r)
{
    struct transport *host = NULL;
    struct core_set own;
    r->all->ops->split(&host, r->all, -1);
    if (!host)
        return error_out_of_memory();
    r->local_size = host->size;
    r->local_rank = host->rank;
    r->cores = calloc((size_t)host->size, sizeof *r->cores);
    size_t *counts = calloc((size_t)host->size, sizeof *counts);
    if (r->cores && counts) {
        core_set_allowed(&own, 0);
        for (int i = 0; i < host->size; i++)
            counts[i] = sizeof own;
        host->ops->gather(host, r->cores, &own, counts);
    }
    free(counts);
    host->ops->leave(host);
    return r->cores ? OK : error_out_of_memory();
}

static void free_ranks(struct ranks *r)
{
    if (r->end)
        r->end->ops->leave(r->end);
    free(r->cores);
    free(r->verdicts);
    free(r->counts);
    free(r);
}

/* What agreements need, so that none fails. */
static int allocate(struct ranks *r)
{
    r->verdicts = calloc((size_t)r->all->size, sizeof *r->verdicts);
    r->counts = calloc((size_t)r->all->size, sizeof *r->counts);
    return r->verdicts && r->counts ? OK : error_out_of_memory();
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
    status = r->end ? allocate(r) : error_out_of_memory();
    if (status == OK)
        status = look_around(r);
    if (status != OK) { /* the others have begun: they cannot go on without this one */
        r->all->ops->end_job(r->all, error_exit_code(status));
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
    int status = group->all ? allocate(group) : error_out_of_memory();
    if (status == OK)
        *out = group;
    else
        free_ranks(group);
    return status;
}

void ranks_leave(struct ranks *group)
{
    if (!group)
        return;
    group->all->ops->leave(group->all);
    free_ranks(group);
}

/* ---------------------------------------------------------------- agreement */

/* The first failure on all ranks that have come to `t`. */
static int agree(struct ranks *r, struct transport *t, int status)
{
    const size_t n = (size_t)t->size;
    struct verdict own = {.status = status}, *all = r->verdicts;
    if (status != OK)
        strncpy(own.message, error_message(), sizeof own.message - 1);
    for (size_t i = 0; i < n; i++)
        r->counts[i] = sizeof own;
    t->ops->gather(t, all, &own, r->counts);
    size_t failed = 0;
    bool alike = true;
    while (failed < n && all[failed].status == OK)
        failed++;
    for (size_t i = 0; i < n; i++)
        alike = alike && memcmp(&all[i], &all[0], sizeof own) == 0;
    if (failed == n || alike)
        return all[0].status;
    struct str text = {0};
    if ((size_t)t->rank == failed)
        str_appendf(&text, "rank %d on %s: %s", t->rank, t->host, error_message());
    if (ranks_send_text(t, (int)failed, &text) == OK)
        error_set((enum status)all[failed].status, "%s", str_text(&text));
    str_free(&text);
    return all[failed].status;
}

int ranks_agree(struct ranks *r, int status)
{
    if (ranks_size(r) == 1)
        return status;
    const double start_s = ranks_begin_exchange(r);
    status = agree(r, r->all, status);
    ranks_end_exchange(r, start_s);
    return status;
}

int ranks_follow(struct ranks *r, int status)
{
    struct str text = {0};
    if (ranks_size(r) == 1)
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
        error_context("rank %d on %s", r->all->rank, r->all->host);
        if (!r->end->ops->speaks(r->end))
            error_clear();
        return status;
    }
    status = agree(r, r->end, status);
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
        all->ops->end_job(all, exit_code);
    free_ranks(r);
    all->ops->close(all);
}
