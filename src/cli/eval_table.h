/** The table of prompt eval, printed row by row, so that a later failure cannot lose a row. */
#ifndef PROMPT_SRC_CLI_EVAL_TABLE_H
#define PROMPT_SRC_CLI_EVAL_TABLE_H

#include "prompt/run/eval.h"

struct eval_table {
    int64_t n_iterations; /* N: columns n = 0..N */
    bool has_datasets;    /* a first column names them */
    bool has_header;      /* the first line is printed */
};

/** What a row is of; the texts are borrowed. */
struct eval_row {
    const char *dataset, *name;
    int64_t n_images, n_classes; /* 0: a row of means, without counts */
    int64_t n_by_clip;           /* of the classes, those that have CLIP's logits, which a note says */
};
/**
 * @param accuracy  [N+1], fractions
 * @return OK; ERR_IO if it cannot be printed
 */
int eval_print_row(struct eval_table *table, const struct eval_row *row, const double *accuracy);
/** Prints the row of a data set without numbers: "not there", "failed". */
int eval_print_without(struct eval_table *table, const char *dataset, const char *reason);
/** Prints the row of a list of classes that was not evaluated. */
int eval_print_failed(struct eval_table *table, const char *dataset, const char *name);
/** Prints macro-F1 and the accuracy of every class. */
int eval_print_classes(const struct class_list *classes, const struct metrics *m);

#endif
