/* The ranks of a training. */
#include "train_ranks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/interrupt.h"
#include "prompt/nn/exchange.h"
#include "same.h"

/* ---------------------------------------------------------------- before the first step */

int train_ranks_check(const struct training *t)
{
    const struct provenance *p = &t->provenance;
    struct str sizes = {0};
    if (ranks_size(t->session->ranks) == 1)
        return OK;
    int status = ranks_agree(t->session->ranks, item_list_sizes(&sizes, t->dataset->image_dir, &t->items));
    const struct same_part parts[] = {
        {"the configuration", p->config},
        {"the weights of the model", p->weights_sha256},
        {"the list of class names", p->class_names},
        {"the few-shot sample", p->sample_digest},
        {"the size of an image", str_text(&sizes)},
    };
    if (status == OK)
        status = same_check(t->session, parts, sizeof parts / sizeof parts[0]);
    str_free(&sizes);
    return status;
}

int train_ranks_divide(struct training *t)
{
    struct session *s = t->session;
    struct division *d = &t->division;
    const int64_t n = (int64_t)t->items.n, wanted = s->config->batch_size, B = n < wanted ? n : wanted;
    const bool is_per_image = method_text_form(&t->method->options).per_image;
    int status = division_open(d, s->ranks, t->method, B, t->classes.n);
    if (status != OK || !s->ranks)
        return status;
    log_info(s->log,
             "ranks    %" PRId64 ": images in %" PRId64 " %s, classes in %" PRId64 ", %" PRId64 " %s each",
             ranks_size(s->ranks), d->n_groups, plural((size_t)d->n_groups, "part", "parts"),
             ranks_size(d->text), s->team.n_most, plural((size_t)s->team.n_most, "thread", "threads"));
    return class_texts_divide(&t->classes.texts, s->scope, s->clip, d->text,
                              is_per_image ? share_of(B, d->group, d->n_groups).n : 1);
}

/* The checkpoint of the first rank's state as bytes. */
static int encode_state(struct str *out, const struct training *t)
{
    return ranks_is_first(t->session->ranks)
               ? checkpoint_append(out, t->method, &t->optimizer, &t->progress, &t->provenance)
               : OK;
}

int train_ranks_begin(struct training *t)
{
    struct ranks *ranks = t->session->ranks;
    struct str state = {0};
    if (ranks_size(ranks) == 1)
        return OK;
    int status = ranks_broadcast(ranks, &t->has_checkpoint, sizeof t->has_checkpoint);
    if (status == OK)
        status = ranks_broadcast(ranks, &t->progress, sizeof t->progress);
    if (status == OK && (status = ranks_agree(ranks, encode_state(&state, t))) == OK)
        status = ranks_broadcast_text(ranks, &state);
    if (status == OK && !ranks_is_first(ranks))
        status = training_restore(t, state.data, state.len);
    str_free(&state);
    return status;
}

/* ---------------------------------------------------------------- steps */

int train_ranks_share(struct training *t, const struct batch *batch)
{
    const struct step_report own = {.n_images = batch->n,
                                    .n_skipped = (int64_t)loader_n_skipped(t->loader),
                                    .wants_stop = interrupt_requested()};
    return division_share(&t->share, &t->division, own);
}

/* ---------------------------------------------------------------- the end */

/* The sum of a count over the groups, and the first text that is not empty. */
static int gather_pictures(int64_t *n, struct str *first, const struct training *t, size_t own,
                           const char *text)
{
    struct ranks *ranks = t->session->ranks;
    struct str all = {0};
    size_t *sizes = calloc((size_t)ranks_size(ranks), sizeof *sizes);
    if (!sizes)
        return error_out_of_memory();
    *n = t->division.member == 0 ? (int64_t)own : 0; /* the others of the group have read the same */
    int status = ranks_sum(ranks, n, 1, DTYPE_I64);
    if (status == OK)
        status = ranks_collect(ranks, &all, sizes, text, strlen(text));
    for (int64_t r = 0; status == OK && first->len == 0 && r < ranks_size(ranks); r++)
        str_append_n(first, str_text(&all), sizes[r]);
    str_free(&all);
    free(sizes);
    return status;
}

int train_ranks_warn(struct training *t)
{
    const struct loader *l = t->loader;
    int64_t n_skipped = 0, n_damaged = 0;
    struct str skipped = {0}, damaged = {0};
    int status = gather_pictures(&n_skipped, &skipped, t, loader_n_skipped(l), loader_first_skipped(l));
    if (status == OK)
        status = gather_pictures(&n_damaged, &damaged, t, loader_n_damaged(l), loader_first_damaged(l));
    if (status == OK) {
        session_warn_skipped(t->session, (size_t)n_skipped, str_text(&skipped));
        session_warn_damaged(t->session, (size_t)n_damaged, str_text(&damaged));
    }
    str_free(&skipped);
    str_free(&damaged);
    return status;
}
