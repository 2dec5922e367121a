/** Predictions of a run for each image and iteration: the file that prompt eval leaves beside the records. */
#ifndef PROMPT_REPORT_PREDICTIONS_H
#define PROMPT_REPORT_PREDICTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "prompt/base/error.h"
#include "prompt/data/item_list.h"

/** The columns of the file; a row for each image and n = 0..N, numbers before names. */
#define PREDICTIONS_HEADER                                                                                   \
    "image,n,label_index,predicted_index,confidence,label_confidence,path,label,predicted"

/** The prediction for an image at one n. */
struct prediction {
    int64_t class_idx;
    double confidence;       /* softmax probability of that class */
    double label_confidence; /* of the true class */
};

struct predictions {
    int64_t n_images;
    int64_t n_iterations;    /* N; predictions for n = 0..N */
    int64_t n_classes;       /* K, of the list */
    int64_t *items;          /* [n_images], owned; indices into the list of images */
    int64_t *labels;         /* [n_images], owned */
    char **paths;            /* [n_images], owned, as each text; relative to the image folder */
    char **names;            /* [K], owned, as each text; "" for a class that is neither true nor predicted */
    struct prediction *rows; /* [n_images,N+1], owned */
};

/** DIR/predictions/DATASET-SUBSET.csv, owned; NULL when out of memory. */
char *predictions_path(const char *dir, const char *dataset, enum class_subset subset);

/**
 * Reads the file that eval_save_trace wrote.
 * @param out        owned; zeroed on failure
 * @param n_classes  K, of the record
 * @return OK; ERR_IO; ERR_FORMAT with file and line for other columns, a number that is none or out of range,
 *         an image without all of its rows, and a file without images; ERR_MEMORY
 */
int predictions_read(struct predictions *out, const char *path, int64_t n_classes);
void predictions_free(struct predictions *p);

/** The prediction for image `i` at `n`; borrowed. */
const struct prediction *predictions_get(const struct predictions *p, int64_t i, int64_t n);
/** Whether image `i` is right at `n`. */
bool predictions_is_right(const struct predictions *p, int64_t i, int64_t n);
/** The number of images that are right at `n`. */
int64_t predictions_n_right(const struct predictions *p, int64_t n);

#endif
