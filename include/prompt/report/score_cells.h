/**
 * Records, sorted into the cells of a table. A cell is a row on
 * a data set; it has a slot for each seed and list of classes.
 */
#ifndef PROMPT_REPORT_SCORE_CELLS_H
#define PROMPT_REPORT_SCORE_CELLS_H

#include "prompt/report/experiment.h"
#include "prompt/report/records.h"

struct score_options {
    const struct str_list *datasets; /* to show; empty: all of the experiment */
    const int64_t *seeds;            /* [n_seeds] */
    size_t n_seeds;
    const char *weights;         /* SHA-256 of the only model that counts; NULL: any one */
    const struct str_list *sets; /* KEY=VALUE over every row: a variant of the experiment, labelled */
    bool paper_rounding;         /* one decimal per seed, two for means, in rows that were published so */
    bool include_unfinished;     /* records of unfinished or limited runs, labelled */
};

struct score_cells {
    const struct experiment *experiment; /* borrowed, as are the options and the records */
    const struct score_options *options;
    const char **datasets; /* [n_datasets], owned; the shown names, borrowed from the experiment */
    size_t n_datasets;
    struct config *configs; /* [n_cells], owned; row after row */
    size_t n_cells;
    const struct record **records; /* [n_cells, n_seeds, 3], owned; the last by class subset; NULL: missing */
    size_t n_duplicate, n_unfinished, n_other, n_other_model; /* records that are not used */
    const struct record *first_other;
};

/**
 * Finds the cells of each record. Finished records win over unfinished ones, then later over earlier ones.
 * @param out  owned, also on failure
 * @return OK; ERR_USAGE without a data set, for a record without the iteration that its row shows, and for a
 * mixture of models, of pixels or tokens, or of class names or images of one data set; errors of
 * experiment_config
 */
int score_cells_open(struct score_cells *out, const struct experiment *x, const struct record_list *records,
                     const struct score_options *options);
void score_cells_close(struct score_cells *cells);

const struct experiment_row *score_cells_row(const struct score_cells *cells, size_t cell); /* borrowed */
const char *score_cells_dataset(const struct score_cells *cells, size_t cell);              /* borrowed */
size_t score_cells_n_records(const struct score_cells *cells); /* slots of `records` */
/** Seeds that a cell must have: one where nothing is trained. */
size_t score_cells_n_seeds(const struct score_cells *cells, size_t cell);
/** Whether every list of the experiment has a record. */
bool score_cells_has_seed(const struct score_cells *cells, size_t cell, size_t seed);
/** Borrowed; NULL: missing. */
const struct record *score_cells_record(const struct score_cells *cells, size_t cell, size_t seed,
                                        enum class_subset subset);

#endif
