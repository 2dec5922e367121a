/* Scores of records that are made in memory, and the checks of a table's numbers. */
#ifndef TESTS_UNIT_SCORE_TABLE_H
#define TESTS_UNIT_SCORE_TABLE_H

#include "report_files.h"

#include <math.h>

#include "prompt/report/scores.h"

enum { MAX_RECORDS = 64 };

struct table {
    struct experiment *x;
    struct record_list records;
    struct str_list datasets, sets;
    struct score_options options;
    struct scores scores;
};

static const int64_t seeds[] = {1, 2, 3};

static inline void open_table(struct table *t, const char *name, const char *methods, const char *datasets)
{
    *t = (struct table){.x = open_experiment(name, methods)};
    t->records.items = calloc(MAX_RECORDS, sizeof *t->records.items);
    assert_non_null(t->records.items);
    must(str_list_split(&t->datasets, datasets));
    t->options =
        (struct score_options){.datasets = &t->datasets, .seeds = seeds, .n_seeds = 3, .sets = &t->sets};
}

static inline void close_table(struct table *t)
{
    scores_free(&t->scores);
    records_free(&t->records);
    str_list_free(&t->datasets);
    str_list_free(&t->sets);
    experiment_free(t->x);
}

/* A finished record of a row, with the same accuracy (percent) after every iteration. */
static inline struct record *add(struct table *t, const char *row, const char *dataset,
                                 enum class_subset subset, int64_t seed, double percent)
{
    assert_true(t->records.n < MAX_RECORDS);
    struct record *r = &t->records.items[t->records.n++];
    *r = (struct record){.path = str_format("runs/%zu/results.json", t->records.n),
                         .dataset = str_dup(dataset),
                         .weights = str_dup("w"),
                         .class_digest = str_format("names of %s", dataset),
                         .image_digest = str_format("images of %s", dataset),
                         .time = str_dup("2026-01-01T00:00:00Z"),
                         .subset = subset,
                         .seed = seed,
                         .accuracies = calloc(1, sizeof(double)),
                         .n_accuracies = 1,
                         .finished = true,
                         .as_published = true};
    must(experiment_config(&r->config, t->x, row_of(t->x, row), dataset, &nothing));
    must(pipeline_read(&r->pipeline, NULL, NULL, 0));
    r->config.seed = seed;
    r->accuracies[0] = percent / 100.0;
    return r;
}

/* Base and new of the three seeds. */
static inline void add_halves(struct table *t, const char *row, const char *dataset, const double base[3],
                              const double new_[3])
{
    for (size_t i = 0; i < 3; i++) {
        add(t, row, dataset, CLASS_SUBSET_BASE, seeds[i], base[i]);
        add(t, row, dataset, CLASS_SUBSET_NEW, seeds[i], new_[i]);
    }
}

static inline void make(struct table *t)
{
    scores_free(&t->scores);
    must(scores_make(&t->scores, t->x, &t->records, &t->options));
}

static inline void expect_refused(struct table *t, const char *message)
{
    scores_free(&t->scores);
    assert_int_equal(scores_make(&t->scores, t->x, &t->records, &t->options), ERR_USAGE);
    assert_string_equal(error_message(), message);
}

static const struct score_line *line_of(const struct table *t, const char *dataset, const char *row)
{
    for (size_t i = 0; i < t->scores.n_lines; i++)
        if (strcmp(t->scores.lines[i].dataset, dataset) == 0 &&
            strcmp(t->scores.lines[i].row->name, row) == 0)
            return &t->scores.lines[i];
    return NULL;
}

static inline void expect_number(double got, double want)
{
    if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-12 * fabs(want)))
        fail_msg("%.17g, expected %.17g", got, want);
}

static inline void expect_score(const struct table *t, const char *dataset, const char *row, size_t measure,
                                double mean, double sd, double paper)
{
    const struct score_line *line = line_of(t, dataset, row);
    assert_non_null(line);
    expect_number(line->scores[measure].mean, mean);
    expect_number(line->scores[measure].sd, sd);
    expect_number(line->scores[measure].paper, paper);
}

static inline void expect_texts(const struct str_list *got, const char *const *want)
{
    size_t n = 0;
    for (; want[n]; n++) {
        assert_true(n < got->n);
        assert_string_equal(got->items[n], want[n]);
    }
    assert_int_equal(got->n, n);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
