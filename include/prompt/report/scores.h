/**
 * From records to the numbers of a table: for each data set and row the mean over seeds and the sample
 * standard deviation (n - 1), HM of the means, averages over data sets. Nothing is averaged over what happens
 * to be there: a cell without all of its seeds has no number, and what is missing is named.
 */
#ifndef PROMPT_REPORT_SCORES_H
#define PROMPT_REPORT_SCORES_H

#include "prompt/report/experiment.h"
#include "prompt/report/records.h"

/** In percent; NaN: not there. */
struct score {
    double mean, sd; /* sd: NaN for one seed, for HM and for averages */
    double paper;
};

enum { SCORES_MAX_MEASURES = 3 };

struct score_line {
    const char *dataset;      /* display name, or "average ..." */
    const char *dataset_name; /* "" of an average */
    const struct experiment_row *row;
    struct score scores[SCORES_MAX_MEASURES]; /* by scores.measures */
    size_t n, n_expected;                     /* seeds; of an average, data sets */
    bool is_average;
};

struct scores {
    const struct experiment *experiment;
    const char *const *measures; /* "base", "new", "HM", or "accuracy"; NULL-terminated */
    struct score_line *lines;
    size_t n_lines;
    struct str_list notes;  /* what a reader must know: missing, double, left out */
    struct str_list labels; /* what makes the table no result of the paper's settings; empty: nothing */
};

struct score_options {
    const struct str_list *datasets; /* to show; empty: all of the experiment */
    const int64_t *seeds;
    size_t n_seeds;
    const char *weights;         /* SHA-256 of the only model that counts; NULL: any, but one */
    const struct str_list *sets; /* KEY=VALUE over every row: a variant of the experiment, labelled */
    bool paper_rounding;         /* one decimal per seed, two for means, in rows that were published so */
    bool include_unfinished;     /* records of unfinished or limited runs, labelled */
};

/**
 * @return OK, also for no record at all; ERR_USAGE if records of different models, class names or test images
 * would be mixed; what experiment_config says
 */
int scores_make(struct scores *out, const struct experiment *x, const struct record_list *records,
                const struct score_options *options);
void scores_free(struct scores *s);

enum score_format { SCORE_MARKDOWN, SCORE_CSV, SCORE_LATEX };
extern const char *const score_format_names[]; /* "markdown", "csv", "latex", NULL */

/** The table as text. Notes stand below it (Markdown, LaTeX); CSV has the labels in its last column. */
int scores_write(struct str *out, const struct scores *s, enum score_format format);

#endif
