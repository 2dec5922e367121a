/**
 * From records to the numbers of a table: for each data set and row the mean over seeds
 * and the sample standard deviation (n - 1), the HM of the means, and averages over data
 * sets. A cell without all of its seeds has no number, and a note names the missing ones.
 */
#ifndef PROMPT_REPORT_SCORES_H
#define PROMPT_REPORT_SCORES_H

#include "prompt/report/score_cells.h"

/** In percent; NaN: not there. */
struct score {
    double mean, sd; /* sd: NaN for one seed, for HM and for averages */
    double paper;
};

enum { SCORES_MAX_MEASURES = 3 };

struct score_line {
    const char *dataset;                      /* display name, or "average ..." */
    const char *dataset_name;                 /* "" of an average */
    const struct experiment_row *row;         /* borrowed, as are the texts */
    struct score scores[SCORES_MAX_MEASURES]; /* by scores.measures */
    size_t n, n_expected;                     /* seeds; of an average, data sets */
    bool is_average;
};

/** Whether it is a row on a data set, with all of its seeds. */
bool score_line_is_whole(const struct score_line *line);

struct scores {
    const struct experiment *experiment; /* borrowed */
    const char *const *measures;         /* "base", "new", "HM", or "accuracy"; NULL-terminated */
    struct score_line *lines;            /* [n_lines], owned */
    size_t n_lines;
    struct str_list notes;  /* on records that are missing, duplicate or left out, and on the paper */
    struct str_list labels; /* ways in which the table is not of the paper's settings */
};

/**
 * `out` is owned, and borrows the experiment alone.
 * @return OK, also for no record at all; errors of score_cells_open
 */
int scores_make(struct scores *out, const struct experiment *x, const struct record_list *records,
                const struct score_options *options);
void scores_free(struct scores *s);

enum score_format { SCORE_MARKDOWN, SCORE_CSV, SCORE_LATEX };
extern const char *const score_format_names[]; /* "markdown", "csv", "latex", NULL */

/** The table as text. Notes follow it (Markdown, LaTeX); CSV has the labels in its last column. */
int scores_write(struct str *out, const struct scores *s, enum score_format format);

/**
 * Paired differences from the row `against`: for each other row the mean over the data sets that both have, and half of
 * Student's 95 % interval, of each measure. HM is that of each data set.
 * @return OK; ERR_USAGE if the table has no such row; ERR_MEMORY
 */
int score_differences_write(struct str *out, const struct scores *s, const char *against,
                            enum score_format format);

#endif
