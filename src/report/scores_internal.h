/* What the files of the scores share. */
#ifndef PROMPT_SRC_REPORT_SCORES_INTERNAL_H
#define PROMPT_SRC_REPORT_SCORES_INTERNAL_H

#include "prompt/report/scores.h"

/* Records, sorted into cells: a cell is a row on a data set. */
struct sorting {
    const struct experiment *experiment;
    const struct score_options *options;
    struct str_list datasets; /* that are shown */
    size_t n_cells;
    struct config *configs;        /* [n_cells], row after row */
    const struct record **records; /* [n_cells, n_seeds, 3], the last by class subset; NULL: missing */
    size_t n_double, n_unfinished, n_other, n_other_model;
    const struct record *first_other;
};

int sorting_open(struct sorting *t, const struct experiment *x, const struct record_list *records,
                 const struct score_options *options);
void sorting_close(struct sorting *t);
/* ERR_USAGE if two records in use are of different models, or of different classes or images of a data set.
 */
int sorting_check(const struct sorting *t);
size_t sorting_n_records(const struct sorting *t); /* slots of `records` */

/* Seeds that a cell must have: one where nothing is trained. */
size_t sorting_n_seeds(const struct sorting *t, size_t cell);
/* Whether every list of the experiment has a record. */
bool sorting_has_seed(const struct sorting *t, size_t cell, size_t seed);
const struct record *sorting_record(const struct sorting *t, size_t cell, size_t seed,
                                    enum class_subset subset);

int scores_add_notes(struct scores *s, const struct sorting *t);
int scores_add_labels(struct scores *s, const struct sorting *t);

#endif
