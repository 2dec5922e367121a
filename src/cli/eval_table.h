/** The table that prompt eval prints, row by row as they are finished, so that nothing that comes later can
 * lose them. */
#ifndef PROMPT_SRC_CLI_EVAL_TABLE_H
#define PROMPT_SRC_CLI_EVAL_TABLE_H

#include "prompt/run/eval.h"

struct eval_table {
    int64_t n_iterations; /* N: columns n = 0..N */
    bool has_datasets;    /* a first column names them */
    bool has_header;      /* the first line is printed */
};

/** accuracy [N+1], fractions; n_images = 0: a row of means, without counts. ERR_IO if it cannot be printed.
 */
int eval_print_row(struct eval_table *table, const char *dataset, const char *name, int64_t n_images,
                   int64_t n_classes, const double *accuracy);
/** The row of a data set without numbers: "not there", "failed". */
int eval_print_without(struct eval_table *table, const char *dataset, const char *reason);
/** The row of a list of classes that was not evaluated. */
int eval_print_failed(struct eval_table *table, const char *dataset, const char *name);
/** Macro-F1 and the accuracy of every class. */
int eval_print_classes(const struct class_list *classes, const struct metrics *m);

#endif
