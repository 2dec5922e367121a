/** The file of prompt features: an array for numpy with its rows in a CSV beside it, or safetensors. */
#ifndef PROMPT_SRC_CLI_FEATURES_FILE_H
#define PROMPT_SRC_CLI_FEATURES_FILE_H

#include "prompt/nn/safetensors.h"

/** Features, and what each row is. Zeroed, then filled by features_table_add. */
struct features_table {
    const char *kind;     /* "path", "class" or "caption": the name of the rows */
    int64_t width;        /* d */
    bool has_labels;      /* rows have a label and its class */
    float *values;        /* [n,d], owned */
    char **names;         /* [n], owned, as its texts */
    int64_t *labels;      /* [n], owned */
    char *const *classes; /* [K], borrowed: of the labels */
    size_t n;
};

/** @param label  not read without has_labels */
int features_table_add(struct features_table *t, const char *name, int64_t label, const float *values);
void features_table_free(struct features_table *t);

/** Whether a file of this name could be written: OK; ERR_USAGE for another suffix; ERR_IO. */
int features_file_check(const char *path);
/**
 * Writes `path`: NAME.npy with NAME.csv beside it (row, name, label, class), or safetensors with `features`,
 * `labels` and the names as a JSON array in the metadata.
 * @param metadata  of safetensors; receives the names
 */
int features_file_write(const char *path, const struct features_table *t, struct metadata *metadata);

#endif
