/* The cells of a table and their records. */
#include "prompt/report/score_cells.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { N_SUBSETS = 3 };

const struct experiment_row *score_cells_row(const struct score_cells *cells, size_t cell)
{
    return &cells->experiment->rows[cell / cells->n_datasets];
}

const char *score_cells_dataset(const struct score_cells *cells, size_t cell)
{
    return cells->datasets[cell % cells->n_datasets];
}

static size_t slot_index(const struct score_cells *cells, size_t cell, size_t seed, enum class_subset subset)
{
    return (cell * cells->options->n_seeds + seed) * N_SUBSETS + (size_t)subset;
}

const struct record *score_cells_record(const struct score_cells *cells, size_t cell, size_t seed,
                                        enum class_subset subset)
{
    return cells->records[slot_index(cells, cell, seed, subset)];
}

size_t score_cells_n_records(const struct score_cells *cells)
{
    return cells->n_cells * cells->options->n_seeds * N_SUBSETS;
}

bool score_cells_has_seed(const struct score_cells *cells, size_t cell, size_t seed)
{
    if (!cells->experiment->has_halves)
        return score_cells_record(cells, cell, seed, CLASS_SUBSET_ALL);
    return score_cells_record(cells, cell, seed, CLASS_SUBSET_BASE) &&
           score_cells_record(cells, cell, seed, CLASS_SUBSET_NEW);
}

size_t score_cells_n_seeds(const struct score_cells *cells, size_t cell)
{
    return config_trains(&cells->configs[cell]) ? cells->options->n_seeds : 1;
}

/* ---------------------------------------------------------------- placing records */

static int is_of_cell(bool *out, const struct score_cells *cells, size_t cell, const struct record *r)
{
    struct str difference = {0};
    *out = false;
    if (strcmp(score_cells_dataset(cells, cell), r->dataset) != 0)
        return OK;
    int status = experiment_compare(&difference, &cells->configs[cell], &r->config);
    *out = difference.len == 0;
    str_free(&difference);
    return status;
}

/* Prefers finished records, then later ones. */
static void put(struct score_cells *cells, size_t slot, const struct record *r)
{
    const struct record *old = cells->records[slot];
    const bool is_equal = old && old->finished == r->finished;
    cells->n_duplicate += is_equal;
    if (!old || (is_equal ? strcmp(r->time, old->time) >= 0 : r->finished))
        cells->records[slot] = r;
}

/* A row may show an iteration before the last. */
static int check_iteration(const struct score_cells *cells, size_t cell, const struct record *r)
{
    const struct experiment_row *row = score_cells_row(cells, cell);
    if (row->iteration < (int64_t)r->n_accuracies)
        return OK;
    return error_set(ERR_USAGE, "%s: '%s' shows iteration %" PRId64 ", '%s' has %zu", cells->experiment->name,
                     row->name, row->iteration, r->path, r->n_accuracies - 1);
}

/* One run may be in several rows: N = 2 of Table 4 is ProMPT. */
static int place(bool *out, struct score_cells *cells, const struct record *r)
{
    int status = OK;
    *out = false;
    for (size_t cell = 0; status == OK && cell < cells->n_cells; cell++) {
        bool fits = false;
        status = is_of_cell(&fits, cells, cell, r);
        if (status == OK && fits)
            status = check_iteration(cells, cell, r);
        for (size_t seed = 0; status == OK && fits && seed < score_cells_n_seeds(cells, cell); seed++)
            if (!config_trains(&cells->configs[cell]) || cells->options->seeds[seed] == r->seed) {
                put(cells, slot_index(cells, cell, seed, r->subset), r);
                *out = true;
            }
    }
    return status;
}

static int place_all(struct score_cells *cells, const struct record_list *records)
{
    const struct score_options *options = cells->options;
    int status = OK;
    for (size_t i = 0; status == OK && i < records->n; i++) {
        const struct record *r = &records->items[i];
        bool is_placed = false;
        if (!r->finished && (r->untrained || !options->include_unfinished)) {
            cells->n_unfinished++;
            continue;
        }
        if (options->weights && strcmp(r->weights, options->weights) != 0) {
            cells->n_other_model++;
            continue;
        }
        if ((r->subset != CLASS_SUBSET_ALL) == cells->experiment->has_halves)
            status = place(&is_placed, cells, r);
        if (is_placed)
            continue;
        cells->first_other = cells->n_other == 0 ? r : cells->first_other;
        cells->n_other++;
    }
    return status;
}

/* ---------------------------------------------------------------- mixtures */

static int refuse_models(const struct record *a, const struct record *b)
{
    return error_set(
        ERR_USAGE,
        "a table cannot mix records of two models: '%s' has weights of SHA-256 %.16s..., '%s' of "
        "%.16s...",
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
        status =
            error_set(ERR_USAGE,
                      "a table cannot mix records of two kinds of pixels or tokens: '%s' (there) and '%s' "
                      "(here) were %s with different values of %s",
                      a->path, b->path, of, str_text(&difference));
    str_free(&difference);
    return status;
}

/* Records of one list must be of the same class names and images. */
static int check_list(const struct record *a, const struct record *b)
{
    const bool same_names = strcmp(a->class_digest, b->class_digest) == 0;
    if (same_names && strcmp(a->image_digest, b->image_digest) == 0)
        return OK;
    return error_set(ERR_USAGE, "'%s' and '%s' are of different %s of %s, %s classes", a->path, b->path,
                     same_names ? "images" : "class names", b->dataset, class_subset_names[b->subset]);
}

/* The first record of the same list as slot `i`: of its data set and classes. */
static const struct record *first_of_list(const struct score_cells *cells, size_t i)
{
    const struct record *last = cells->records[i];
    for (size_t k = 0; k < i; k++) {
        const struct record *r = cells->records[k];
        if (r && r->subset == last->subset && r->limit == last->limit &&
            strcmp(r->dataset, last->dataset) == 0)
            return r;
    }
    return last;
}

static int check_mixture(const struct score_cells *cells)
{
    const struct record *first = NULL, *first_trained = NULL;
    int status = OK;
    for (size_t i = 0; status == OK && i < score_cells_n_records(cells); i++) {
        const struct record *r = cells->records[i];
        if (!r)
            continue;
        first = first ? first : r;
        if (strcmp(r->weights, first->weights) != 0)
            return refuse_models(first, r);
        first_trained = first_trained || !r->trained_pipeline.preprocess ? first_trained : r;
        if ((status = check_pipelines(first, r)) == OK &&
            (!first_trained || (status = check_pipelines(first_trained, r)) == OK))
            status = check_list(first_of_list(cells, i), r);
    }
    return status;
}

/* ---------------------------------------------------------------- all */

static int choose_datasets(struct score_cells *cells)
{
    const struct str_list *all = &cells->experiment->datasets, *wanted = cells->options->datasets;
    cells->datasets = calloc(all->n + 1, sizeof *cells->datasets);
    if (!cells->datasets)
        return error_out_of_memory();
    for (size_t i = 0; i < all->n; i++)
        if (wanted->n == 0 || str_list_has(wanted, all->items[i]))
            cells->datasets[cells->n_datasets++] = all->items[i];
    if (cells->n_datasets > 0)
        return OK;
    return error_set(ERR_USAGE, "%s has none of the data sets that are asked for", cells->experiment->name);
}

static int make_cells(struct score_cells *cells)
{
    const struct experiment *x = cells->experiment;
    const size_t n_cells = x->n_rows * cells->n_datasets;
    cells->configs = calloc(n_cells + 1, sizeof *cells->configs);
    cells->records = calloc(n_cells * cells->options->n_seeds * N_SUBSETS + 1, sizeof(const struct record *));
    if (!cells->configs || !cells->records)
        return error_out_of_memory();
    int status = OK;
    for (size_t i = 0; status == OK && i < n_cells; i++) {
        status = experiment_config(&cells->configs[i], x, score_cells_row(cells, i),
                                   score_cells_dataset(cells, i), cells->options->sets);
        cells->n_cells += status == OK;
    }
    return status;
}

int score_cells_open(struct score_cells *out, const struct experiment *x, const struct record_list *records,
                     const struct score_options *options)
{
    *out = (struct score_cells){.experiment = x, .options = options};
    int status = OK;
    if ((status = choose_datasets(out)) == OK && (status = make_cells(out)) == OK &&
        (status = place_all(out, records)) == OK)
        status = check_mixture(out);
    return status;
}

void score_cells_close(struct score_cells *cells)
{
    for (size_t i = 0; i < cells->n_cells; i++)
        config_free(&cells->configs[i]);
    free(cells->configs);
    free(cells->records);
    free(cells->datasets);
    *cells = (struct score_cells){0};
}
