/** The rows of prompt predict: one for each picture and rank, as a table, CSV or JSON lines. */
#ifndef PROMPT_SRC_CLI_PREDICT_ROWS_H
#define PROMPT_SRC_CLI_PREDICT_ROWS_H

#include <stdbool.h>

#include "prompt/base/file.h"
#include "prompt/base/str.h"
#include "prompt/data/item_list.h"
#include "prompt/methods/options.h"

enum row_format { ROW_TABLE, ROW_CSV, ROW_JSONL };
extern const char *const row_format_names[]; /* ends with NULL */

/** The writer of the rows; what is borrowed lives as long as it. */
struct row_writer {
    enum row_format format;
    int64_t top;                   /* ranks of each picture */
    bool has_iterations;           /* rows for each n = 0..N, else for N alone */
    bool has_labels;               /* the labels of `items` are those of the pictures */
    char *const *names;            /* [n_classes], borrowed */
    int64_t n_classes;             /* K */
    int64_t n_iterations;          /* N */
    const struct item_list *items; /* borrowed */
    /* from row_writer_open on */
    struct atomic_file file; /* owned; stream NULL: the standard output */
    struct str rows;         /* not written yet */
    int64_t *best;           /* [top], owned */
    int name_width;          /* columns of the longest name, in a table */
    /* counted with has_labels */
    int64_t n_labelled;
    int64_t n_correct[METHOD_MAX_ITERATIONS + 1];
};

/** Begins the output, with its header. @param path  NULL: the standard output */
int row_writer_open(struct row_writer *w, const char *path);
/** Adds the rows of a picture with logits [N+1,K]. */
int row_writer_add(struct row_writer *w, size_t item, const float *logits);
/** Writes the rows added since. */
int row_writer_flush(struct row_writer *w);
/** Ends the output: a file appears whole, under its name. */
int row_writer_commit(struct row_writer *w);
/** Frees the writer; a file that is not committed disappears. */
void row_writer_close(struct row_writer *w);

#endif
