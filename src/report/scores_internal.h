/* What the files of the scores share. */
#ifndef PROMPT_SRC_REPORT_SCORES_INTERNAL_H
#define PROMPT_SRC_REPORT_SCORES_INTERNAL_H

#include "prompt/report/scores.h"

/* Records, sorted into cells: a cell is a row on a data set. */
struct score_cells {
    const struct experiment *experiment;
    const struct score_options *options;
    struct str_list datasets; /* that are shown */
    size_t n_cells;
    struct config *configs;        /* [n_cells], row after row */
    const struct record **records; /* [n_cells, n_seeds, 3], the last by class subset; NULL: missing */
    size_t n_double, n_unfinished, n_other, n_other_model;
    const struct record *first_other;
};

int score_cells_open(struct score_cells *t, const struct experiment *x, const struct record_list *records,
                     const struct score_options *options);
void score_cells_close(struct score_cells *t);
/* ERR_USAGE if two records in use are of different models, or of different classes or images of a data set.
 */
int score_cells_check(const struct score_cells *t);
size_t score_cells_n_records(const struct score_cells *t); /* slots of `records` */

/* Seeds that a cell must have: one where nothing is trained. */
size_t score_cells_n_seeds(const struct score_cells *t, size_t cell);
/* Whether every list of the experiment has a record. */
bool score_cells_has_seed(const struct score_cells *t, size_t cell, size_t seed);
const struct record *score_cells_record(const struct score_cells *t, size_t cell, size_t seed,
                                        enum class_subset subset);

int scores_add_notes(struct scores *s, const struct score_cells *t);
int scores_add_labels(struct scores *s, const struct score_cells *t);

#endif
