/* Which record belongs to which cell of a table. */
#include <stdlib.h>
#include <string.h>

#include "prompt/report/targets.h"
#include "scores_internal.h"

enum { N_SUBSETS = 3 };

static size_t slot_index(const struct score_cells *t, size_t cell, size_t seed, enum class_subset subset)
{
    return (cell * t->options->n_seeds + seed) * N_SUBSETS + (size_t)subset;
}

const struct record *score_cells_record(const struct score_cells *t, size_t cell, size_t seed,
                                        enum class_subset subset)
{
    return t->records[slot_index(t, cell, seed, subset)];
}

size_t score_cells_n_records(const struct score_cells *t)
{
    return t->n_cells * t->options->n_seeds * N_SUBSETS;
}

bool score_cells_has_seed(const struct score_cells *t, size_t cell, size_t seed)
{
    if (!t->experiment->has_halves)
        return score_cells_record(t, cell, seed, CLASS_SUBSET_ALL);
    return score_cells_record(t, cell, seed, CLASS_SUBSET_BASE) &&
           score_cells_record(t, cell, seed, CLASS_SUBSET_NEW);
}

size_t score_cells_n_seeds(const struct score_cells *t, size_t cell)
{
    return config_trains(&t->configs[cell]) ? t->options->n_seeds : 1;
}

/* ---------------------------------------------------------------- one record */

static int is_of_cell(bool *out, const struct score_cells *t, size_t cell, const struct record *r)
{
    struct str difference = {0};
    *out = false;
    if (strcmp(t->datasets.items[cell % t->datasets.n], r->dataset) != 0)
        return OK;
    int status = experiment_compare(&difference, &t->configs[cell], &r->config);
    *out = difference.len == 0;
    str_free(&difference);
    return status;
}

/* A finished record stands before an unfinished one; of two that are equal in this, the later. */
static void put(struct score_cells *t, size_t slot, const struct record *r)
{
    const struct record *old = t->records[slot];
    const bool is_equal = old && old->finished == r->finished;
    t->n_double += is_equal;
    if (!old || (is_equal ? strcmp(r->time, old->time) >= 0 : r->finished))
        t->records[slot] = r;
}

/* A row may show an iteration before the last. */
static int check_iteration(const struct score_cells *t, size_t cell, const struct record *r)
{
    const struct experiment_row *row = &t->experiment->rows[cell / t->datasets.n];
    if (row->iteration < (int64_t)r->n_accuracies)
        return OK;
    return error_set(ERR_USAGE, "%s: '%s' shows iteration %lld, '%s' has %zu", t->experiment->name, row->name,
                     (long long)row->iteration, r->path, r->n_accuracies - 1);
}

/* The same run may stand in several rows: N = 2 of Table 4 is ProMPT. */
static int place(bool *out, struct score_cells *t, const struct record *r)
{
    int status = OK;
    *out = false;
    for (size_t cell = 0; status == OK && cell < t->n_cells; cell++) {
        bool fits = false;
        status = is_of_cell(&fits, t, cell, r);
        if (status == OK && fits)
            status = check_iteration(t, cell, r);
        for (size_t seed = 0; status == OK && fits && seed < score_cells_n_seeds(t, cell); seed++)
            if (!config_trains(&t->configs[cell]) || t->options->seeds[seed] == r->seed) {
                put(t, slot_index(t, cell, seed, r->subset), r);
                *out = true;
            }
    }
    return status;
}

static int place_all(struct score_cells *t, const struct record_list *records)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < records->n; i++) {
        const struct record *r = &records->items[i];
        bool is_placed = false;
        if (!r->finished && (r->untrained || !t->options->include_unfinished)) {
            t->n_unfinished++;
            continue;
        }
        if (t->options->weights && strcmp(r->weights, t->options->weights) != 0) {
            t->n_other_model++;
            continue;
        }
        if ((r->subset != CLASS_SUBSET_ALL) == t->experiment->has_halves)
            status = place(&is_placed, t, r);
        if (is_placed)
            continue;
        t->first_other = t->n_other == 0 ? r : t->first_other;
        t->n_other++;
    }
    return status;
}

/* ---------------------------------------------------------------- all */

static int choose_datasets(struct score_cells *t)
{
    const struct str_list *all = &t->experiment->datasets, *wanted = t->options->datasets;
    int status = OK;
    for (size_t i = 0; status == OK && i < all->n; i++)
        if (wanted->n == 0 || str_list_has(wanted, all->items[i]))
            status = str_list_add(&t->datasets, all->items[i]);
    if (status == OK && t->datasets.n == 0)
        status = error_set(ERR_USAGE, "%s has none of the data sets that are asked for", t->experiment->name);
    return status;
}

int score_cells_open(struct score_cells *t, const struct experiment *x, const struct record_list *records,
                     const struct score_options *options)
{
    *t = (struct score_cells){.experiment = x, .options = options};
    int status = choose_datasets(t);
    if (status != OK)
        return status;
    const size_t n_cells = x->n_rows * t->datasets.n;
    t->configs = calloc(n_cells + 1, sizeof *t->configs);
    t->records = calloc(n_cells * options->n_seeds * N_SUBSETS + 1, sizeof(const struct record *));
    if (!t->configs || !t->records)
        return error_out_of_memory();
    for (size_t cell = 0; status == OK && cell < n_cells; cell++) {
        status = experiment_config(&t->configs[cell], x, &x->rows[cell / t->datasets.n],
                                   t->datasets.items[cell % t->datasets.n], options->sets);
        t->n_cells += status == OK;
    }
    return status == OK ? place_all(t, records) : status;
}

void score_cells_close(struct score_cells *t)
{
    for (size_t i = 0; i < t->n_cells; i++)
        config_free(&t->configs[i]);
    free(t->configs);
    free(t->records);
    str_list_free(&t->datasets);
    *t = (struct score_cells){0};
}

static int two_models(const struct record *a, const struct record *b)
{
    return error_set(ERR_USAGE,
                     "records of two models do not go into one table: '%s' has weights of SHA-256 %.16s..., "
                     "'%s' of %.16s...",
                     a->path, a->weights, b->path, b->weights);
}

/* Pixels and token ids of evaluation and of training must be one program's. */
static int check_pipelines(const struct record *a, const struct record *b)
{
    struct str difference = {0};
    const char *of = "evaluated";
    pipeline_compare(&difference, &a->pipeline, &b->pipeline);
    if (difference.len == 0 && a->trained_pipeline.preprocess && b->trained_pipeline.preprocess) {
        of = "trained";
        pipeline_compare(&difference, &a->trained_pipeline, &b->trained_pipeline);
    }
    int status = str_status(&difference);
    if (status == OK && difference.len > 0)
        status = error_set(
            ERR_USAGE,
            "records of two kinds of pixels or tokens do not go into one table: '%s' (there) and '%s' "
            "(here) were %s with different values of %s",
            a->path, b->path, of, str_text(&difference));
    str_free(&difference);
    return status;
}

/* The first record of the same list as slot `i`: of its data set and classes. */
static const struct record *first_of_list(const struct score_cells *t, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        const struct record *r = t->records[k], *last = t->records[i];
        if (r && r->subset == last->subset && r->limit == last->limit &&
            strcmp(r->dataset, last->dataset) == 0)
            return r;
    }
    return t->records[i];
}

int score_cells_check(const struct score_cells *t)
{
    const struct record *first = NULL, *first_trained = NULL;
    for (size_t i = 0; i < score_cells_n_records(t); i++) {
        const struct record *r = t->records[i];
        if (!r)
            continue;
        first = first ? first : r;
        if (strcmp(r->weights, first->weights) != 0)
            return two_models(first, r);
        first_trained = first_trained || !r->trained_pipeline.preprocess ? first_trained : r;
        int status = check_pipelines(first, r);
        if (status == OK && first_trained)
            status = check_pipelines(first_trained, r);
        if (status != OK)
            return status;
        const struct record *same = first_of_list(t, i);
        const bool same_names = strcmp(r->class_digest, same->class_digest) == 0;
        if (!same_names || strcmp(r->image_digest, same->image_digest) != 0)
            return error_set(ERR_USAGE, "'%s' and '%s' are of different %s of %s, %s classes", same->path,
                             r->path, same_names ? "images" : "class names", r->dataset,
                             class_subset_names[r->subset]);
    }
    return OK;
}
