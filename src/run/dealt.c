/*
 * Rounds: in each, every rank computes one batch, and sends it to the first as bytes (parcel.h), which hands them
 * on one after another. With one rank there are no bytes.
 */
#include "dealt.h"

#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "parcel.h"
#include "prompt/base/digest.h"
#include "prompt/base/interrupt.h"
#include "same.h"

struct dealt {
    struct dealt_source source;
    struct ranks *ranks;       /* borrowed; NULL: one */
    struct loader *loader;     /* NULL: no picture needs to be read */
    struct list_batches known; /* without a loader */
    int64_t batch_size, n_batches;
    int64_t n_rounds, round; /* that have begun */
    float *values;           /* [batch_size,width], of this rank's batch */
    bool wants_stop, has_failed;
    int64_t n_done;
    struct parcel own;
    int64_t told_damaged, told_oriented; /* in the parcels so far */
    /* the first rank's */
    struct str received;
    size_t *sizes; /* [ranks] */
    int64_t next_rank;
    size_t at; /* in what was received */
    struct parcel opened;
    int64_t *labels; /* [batch_size] */
    int64_t n_skipped, n_damaged, n_oriented;
    char *first_skipped, *first_damaged;
};

/* ---------------------------------------------------------------- open and close */

static void take_failure(void *context, size_t item, const char *message)
{
    struct dealt *d = context;
    parcel_add_failure(&d->own, item, message);
}

static int open_batches(struct dealt *d)
{
    const struct dealt_source *s = &d->source;
    struct loader_options loading = s->loading;
    loading.part = ranks_rank(d->ranks);
    loading.n_parts = ranks_size(d->ranks);
    loading.deals_batches = true;
    if (d->ranks) {
        loading.on_skipped = take_failure;
        loading.context = d;
    }
    if (s->features->is_found && !s->needs_pixels)
        return list_batches_open(&d->known, s->items, d->batch_size, loading.part, loading.n_parts);
    int status = loader_open(&d->loader, s->items, s->image_dir, &loading);
    return status == OK ? loader_start(d->loader, 0, 0) : status;
}

/* The tokens of the texts and the values of the trained tensors, as one digest. */
static int digest_method(char hex[DIGEST_HEX_SIZE], const struct dealt_source *source)
{
    struct digest *d = NULL;
    int status = digest_open(&d);
    if (status != OK)
        return status;
    const struct token_rows *rows = source->texts ? source->texts->rows : NULL;
    if (rows) {
        digest_update(d, rows->ids, (size_t)(rows->n * rows->n_tokens) * sizeof *rows->ids);
        digest_update(d, rows->ends, (size_t)rows->n * sizeof *rows->ends);
    }
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    for (size_t i = 0; source->method && i < source->method->trained.n; i++) {
        const tensor *t = source->method->trained.items[i].value;
        const size_t n = (size_t)t_numel(t);
        float *values = malloc(n * sizeof *values + 1);
        status = values ? t_read_f32(values, n, s, t) : error_out_of_memory();
        if (status == OK)
            digest_update(d, values, n * sizeof *values);
        free(values);
    }
    const int closed = scope_close(s), ended = digest_close(hex, d);
    status = status == OK ? closed : status;
    return status == OK ? ended : status;
}

static int check_same(const struct dealt_source *source)
{
    struct session *s = source->session;
    char items[DIGEST_HEX_SIZE], method[DIGEST_HEX_SIZE];
    struct str config = {0}, sizes = {0};
    if (ranks_size(s->ranks) == 1)
        return OK;
    int status = config_write_experiment(&config, s->config);
    if (status == OK && (status = features_hash_weights(s)) == OK &&
        (status = item_list_digest(items, source->items)) == OK &&
        (status = item_list_sizes(&sizes, source->image_dir, source->items)) == OK)
        status = digest_method(method, source);
    status = ranks_agree(s->ranks, status);
    const struct same_part parts[] = {
        {"the configuration", str_text(&config)},
        {"the weights of the model", s->weights->sha256},
        {"the texts of the classes, or what was trained,", method},
        {"the list of images", items},
        {"the size of an image", str_text(&sizes)},
    };
    if (status == OK)
        status = same_check(s, parts, sizeof parts / sizeof parts[0]);
    str_free(&config);
    str_free(&sizes);
    return status;
}

int dealt_open(struct dealt **out, const struct dealt_source *source)
{
    const int64_t n = (int64_t)source->items->n, wanted = source->loading.batch_size;
    *out = NULL;
    int status = check_same(source);
    if (status != OK)
        return status;
    struct dealt *d = *out = calloc(1, sizeof *d);
    if (!d)
        return error_out_of_memory();
    d->source = *source;
    d->ranks = source->session->ranks;
    d->batch_size = n < wanted ? n : wanted;
    d->n_batches = d->batch_size > 0 ? (n + d->batch_size - 1) / d->batch_size : 0;
    d->n_rounds = (d->n_batches + ranks_size(d->ranks) - 1) / ranks_size(d->ranks);
    d->next_rank = ranks_size(d->ranks);
    d->values = malloc((size_t)(d->batch_size * source->width) * sizeof *d->values + 1);
    d->labels = malloc((size_t)d->batch_size * sizeof *d->labels + 1);
    d->sizes = calloc((size_t)ranks_size(d->ranks), sizeof *d->sizes);
    status = d->values && d->labels && d->sizes ? OK : error_out_of_memory();
    const int agreed = image_features_agree(source->features, d->ranks);
    if (status == OK && (status = agreed) == OK)
        status = open_batches(d);
    status = ranks_agree(d->ranks, status);
    if (status != OK) {
        dealt_close(d);
        *out = NULL;
    }
    return status;
}

void dealt_close(struct dealt *d)
{
    if (!d)
        return;
    loader_close(d->loader);
    list_batches_close(&d->known);
    parcel_free(&d->own);
    parcel_free(&d->opened);
    str_free(&d->received);
    free(d->sizes);
    free(d->values);
    free(d->labels);
    free(d->first_skipped);
    free(d->first_damaged);
    free(d);
}

/* ---------------------------------------------------------------- one rank */

static int read_batch(struct batch *out, struct dealt *d)
{
    if (d->loader)
        return loader_next(out, d->loader);
    list_batches_next(out, &d->known);
    return OK;
}

static int next_alone(struct dealt_batch *out, struct dealt *d)
{
    struct batch batch;
    int status = read_batch(&batch, d);
    if (status == OK && batch.n > 0)
        status = d->source.compute(d->source.context, d->values, &batch);
    *out = (struct dealt_batch){.is_over = batch.n == 0,
                                .n = batch.n,
                                .items = batch.items,
                                .labels = batch.labels,
                                .values = d->values};
    d->n_done += batch.n;
    return status;
}

/* ---------------------------------------------------------------- rounds of several */

/* Adds what the loader has counted since the last batch. */
static int add_facts(struct dealt *d)
{
    struct parcel *p = &d->own;
    if (!d->loader)
        return OK;
    const int64_t n_damaged = (int64_t)loader_n_damaged(d->loader);
    const int64_t n_oriented = (int64_t)loader_n_oriented(d->loader);
    p->n_damaged = n_damaged - d->told_damaged;
    p->n_oriented = n_oriented - d->told_oriented;
    if (d->told_damaged == 0 && n_damaged > 0)
        str_append(&p->damage, loader_first_damaged(d->loader));
    d->told_damaged = n_damaged;
    d->told_oriented = n_oriented;
    return str_status(&p->damage);
}

/* The rank's batch of the round, computed and packed; empty if it has none. */
static int compute_own(struct dealt *d)
{
    const struct image_features *f = d->source.features;
    struct batch batch = {0};
    parcel_clear(&d->own);
    int status = OK;
    if (d->round * ranks_size(d->ranks) + ranks_rank(d->ranks) < d->n_batches)
        status = read_batch(&batch, d);
    if (status == OK && batch.n > 0)
        status = d->source.compute(d->source.context, d->values, &batch);
    if (status != OK || (status = add_facts(d)) != OK)
        return status;
    d->own.dtype = f->dtype;
    status = parcel_add_images(&d->own, batch.items, batch.n, d->values, d->source.width);
    if (status == OK && f->key && !f->is_found && batch.n > 0)
        status = parcel_add_features(&d->own, f->values + batch.items[0] * (size_t)f->d, batch.n * f->d);
    return status;
}

static int run_round(struct dealt *d)
{
    struct str bytes = {0};
    int status = compute_own(d);
    if (status == OK)
        status = parcel_pack(&bytes, &d->own);
    status = ranks_agree(d->ranks, status);
    d->has_failed = status != OK;
    int64_t sums[] = {interrupt_requested(), d->own.n + d->own.n_failures};
    str_clear(&d->received);
    if (status == OK && (status = ranks_sum(d->ranks, sums, 2, DTYPE_I64)) == OK)
        status = ranks_collect(d->ranks, &d->received, d->sizes, bytes.data, bytes.len);
    d->wants_stop = sums[0] > 0;
    d->n_done += sums[1];
    d->round++;
    d->at = 0;
    d->next_rank = 0;
    str_free(&bytes);
    return status;
}

static int note_first(char **first, const char *text)
{
    if (*first || text[0] == '\0')
        return OK;
    *first = str_dup(text);
    return *first ? OK : ERR_MEMORY;
}

static int replay_failure(struct dealt *d, const struct parcel_failure *f)
{
    const struct loader_options *o = &d->source.loading;
    d->n_skipped++;
    if (o->on_skipped)
        o->on_skipped(o->context, f->item, f->message);
    return note_first(&d->first_skipped, f->message);
}

/* Hands on the batch of the next rank: first what it could not read. */
static int open_next(struct dealt_batch *out, struct dealt *d)
{
    struct parcel *p = &d->opened;
    struct image_features *f = d->source.features;
    int status = parcel_unpack(p, str_text(&d->received) + d->at);
    d->at += d->sizes[d->next_rank++];
    for (int64_t i = 0; status == OK && i < p->n_failures; i++)
        status = replay_failure(d, &p->failures[i]);
    if (status == OK)
        status = note_first(&d->first_damaged, str_text(&p->damage));
    if (status != OK)
        return status;
    d->n_damaged += p->n_damaged;
    d->n_oriented += p->n_oriented;
    for (int64_t i = 0; i < p->n; i++)
        d->labels[i] = d->source.items->items[p->items[i]].label;
    if (p->n_features > 0 && p->n > 0) {
        f->dtype = (enum dtype)p->dtype;
        memcpy(f->values + p->items[0] * (size_t)f->d, p->features,
               (size_t)p->n_features * sizeof *f->values);
    }
    *out = (struct dealt_batch){.n = p->n, .items = p->items, .labels = d->labels, .values = p->values};
    return OK;
}

static bool is_between_rounds(const struct dealt *d)
{
    return !ranks_is_first(d->ranks) || d->next_rank == ranks_size(d->ranks);
}

int dealt_next(struct dealt_batch *out, struct dealt *d)
{
    *out = (struct dealt_batch){.is_over = true};
    if (!d->ranks)
        return next_alone(out, d);
    if (is_between_rounds(d)) {
        if (d->round == d->n_rounds)
            return OK;
        int status = run_round(d);
        if (status != OK)
            return status;
    }
    out->is_over = false;
    return ranks_is_first(d->ranks) ? open_next(out, d) : OK;
}

/* ---------------------------------------------------------------- the end */

bool dealt_is_stopped(const struct dealt *d)
{
    return d->ranks ? d->wants_stop && is_between_rounds(d) : interrupt_requested();
}

int dealt_end(struct dealt *d, int status)
{
    return d->has_failed ? status : ranks_agree(d->ranks, status);
}

struct dealt_facts dealt_facts(const struct dealt *d)
{
    const bool counts = d->ranks == NULL && d->loader != NULL;
    struct dealt_facts f = {.n_done = d->n_done,
                            .n_skipped = d->n_skipped,
                            .n_damaged = d->n_damaged,
                            .n_oriented = d->n_oriented,
                            .first_skipped = d->first_skipped ? d->first_skipped : "",
                            .first_damaged = d->first_damaged ? d->first_damaged : ""};
    if (counts)
        f = (struct dealt_facts){.n_done = d->n_done + (int64_t)loader_n_skipped(d->loader),
                                 .n_skipped = (int64_t)loader_n_skipped(d->loader),
                                 .n_damaged = (int64_t)loader_n_damaged(d->loader),
                                 .n_oriented = (int64_t)loader_n_oriented(d->loader),
                                 .first_skipped = loader_first_skipped(d->loader),
                                 .first_damaged = loader_first_damaged(d->loader)};
    if (!d->loader && d->source.features->first_damaged) { /* when the features were computed */
        f.n_damaged = d->source.features->n_damaged;
        f.first_damaged = d->source.features->first_damaged;
    }
    return f;
}
