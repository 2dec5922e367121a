/* Groups of ranks that share images, and of those that share classes. */
#include "division.h"

#include <inttypes.h>
#include <stdlib.h>

enum { IMAGES, SKIPPED, STOP, N_REPORTS }; /* of a rank */

/* ---------------------------------------------------------------- groups */

static int check_size(int64_t n_ranks, const struct method *m, int64_t batch_size, int64_t n_classes,
                      bool has_text)
{
    if (has_text && n_ranks > batch_size * n_classes)
        return error_set(ERR_USAGE,
                         "%" PRId64 " ranks are more than %" PRId64 " images a step times %" PRId64
                         " classes: start fewer",
                         n_ranks, batch_size, n_classes);
    if (!has_text && n_ranks > batch_size)
        return error_set(
            ERR_USAGE,
            "%" PRId64 " ranks are more than %" PRId64
            " images a step, and method %s encodes no text whose classes could be divided: start fewer",
            n_ranks, batch_size, method_kind_names[m->options.kind]);
    return OK;
}

/* The group of a rank: groups have ranks in a row. */
static int64_t group_of(int64_t rank, int64_t n_ranks, int64_t n_groups)
{
    int64_t group = 0;
    for (struct share ranks; ranks = share_of(n_ranks, group, n_groups), rank >= ranks.first + ranks.n;)
        group++;
    return group;
}

static void find_group(struct division *d, int64_t n_ranks, int64_t rank)
{
    d->group = group_of(rank, n_ranks, d->n_groups);
    const struct share ranks = share_of(n_ranks, d->group, d->n_groups);
    d->n_members = ranks.n;
    d->member = rank - ranks.first;
}

/* Who shares the classes of a text that is the same for all images: all ranks, or as few groups as have no more
 * ranks than there are classes. */
static int open_text(struct division *d, int64_t n_classes)
{
    const int64_t n_ranks = ranks_size(d->all), n_groups = (n_ranks + n_classes - 1) / n_classes;
    d->text = d->all;
    if (n_groups == 1)
        return OK;
    int status = ranks_split(&d->text_group, d->all, group_of(ranks_rank(d->all), n_ranks, n_groups));
    d->text = d->text_group;
    return status;
}

int division_open(struct division *out, struct ranks *ranks, const struct method *m, int64_t batch_size,
                  int64_t n_classes)
{
    const int64_t n_ranks = ranks_size(ranks);
    const bool has_text = method_passes(m, 1, n_classes).n_text > 0;
    const bool is_shared = method_passes(m, 2, n_classes).n_prefixes == 1; /* the same text for all images */
    *out = (struct division){.all = ranks, .n_groups = n_ranks < batch_size ? n_ranks : batch_size};
    int status = check_size(n_ranks, m, batch_size, n_classes, has_text);
    if (status != OK)
        return status;
    find_group(out, n_ranks, ranks_rank(ranks));
    out->reports = calloc(N_REPORTS * (size_t)n_ranks, sizeof *out->reports);
    if (!out->reports)
        return error_out_of_memory();
    if (out->n_groups < n_ranks && (status = ranks_split(&out->members, ranks, out->group)) != OK)
        return status;
    if (has_text && is_shared)
        return open_text(out, n_classes);
    out->text = has_text ? out->members : NULL;
    return OK;
}

void division_close(struct division *d)
{
    ranks_leave(d->members);
    ranks_leave(d->text_group);
    free(d->reports);
    *d = (struct division){0};
}

/* ---------------------------------------------------------------- steps */

/* The first rank of a group. */
static int64_t leader(const struct division *d, int64_t group)
{
    return share_of(ranks_size(d->all), group, d->n_groups).first;
}

static int check_members(const struct division *d)
{
    for (int64_t i = 0; i < d->n_groups; i++) {
        const struct share ranks = share_of(ranks_size(d->all), i, d->n_groups);
        const int64_t n = d->reports[ranks.first * N_REPORTS + IMAGES];
        for (int64_t r = ranks.first + 1; r < ranks.first + ranks.n; r++)
            if (d->reports[r * N_REPORTS + IMAGES] != n)
                return error_set(ERR_IO,
                                 "rank %" PRId64 " could read %" PRId64 " images of the step's, rank %" PRId64
                                 " %" PRId64 " of the same",
                                 ranks.first, n, r, d->reports[r * N_REPORTS + IMAGES]);
    }
    return OK;
}

int division_share(struct step_share *out, const struct division *d, struct step_report own)
{
    const int64_t n_ranks = ranks_size(d->all),
                  report[N_REPORTS] = {own.n_images, own.n_skipped, own.wants_stop};
    size_t *counts = calloc((size_t)n_ranks, sizeof *counts);
    *out = (struct step_share){0};
    if (!counts)
        return error_out_of_memory();
    for (int64_t r = 0; r < n_ranks; r++)
        counts[r] = sizeof report;
    int status = ranks_gather(d->all, d->reports, report, counts);
    free(counts);
    for (int64_t i = 0; i < d->n_groups; i++) {
        const int64_t *group = d->reports + leader(d, i) * N_REPORTS;
        out->first_image += i < d->group ? group[IMAGES] : 0;
        out->n_images += group[IMAGES];
        out->n_skipped += group[SKIPPED];
    }
    for (int64_t r = 0; r < n_ranks; r++)
        out->wants_stop = out->wants_stop || d->reports[r * N_REPORTS + STOP] != 0;
    if (out->n_images > 0)
        out->weight = (double)own.n_images / (double)(out->n_images * d->n_members);
    return status == OK ? check_members(d) : status;
}

struct ranks_time division_time(const struct division *d)
{
    const struct ranks *const each[] = {d->all, d->members, d->text_group};
    struct ranks_time sum = {0};
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        const struct ranks_time time = ranks_time(each[i]);
        sum.wait_s += time.wait_s;
        sum.move_s += time.move_s;
    }
    return sum;
}

int division_gather_items(size_t *out, const struct division *d, const size_t *own)
{
    const int64_t n_ranks = ranks_size(d->all);
    size_t *counts = calloc((size_t)n_ranks, sizeof *counts);
    if (!counts)
        return error_out_of_memory();
    for (int64_t i = 0; i < d->n_groups; i++)
        counts[leader(d, i)] = (size_t)d->reports[leader(d, i) * N_REPORTS + IMAGES] * sizeof *own;
    int status = ranks_gather(d->all, out, own, counts);
    free(counts);
    return status;
}
