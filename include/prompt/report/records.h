/** Result records, read back from the results.json files of any set of run folders. */
#ifndef PROMPT_REPORT_RECORDS_H
#define PROMPT_REPORT_RECORDS_H

#include "prompt/config/config.h"
#include "prompt/data/dataset.h"
#include "prompt/report/pipeline.h"

/** Texts are owned. */
struct record {
    char *path; /* of its results.json */
    char *dataset;
    char *weights;                     /* SHA-256 */
    char *class_digest, *image_digest; /* of the class names and images that were evaluated */
    char *time;                        /* UTC, sorts as text */
    struct pipeline pipeline;          /* of the evaluation */
    struct pipeline trained_pipeline;  /* of the training; zeroed if nothing was trained */
    enum class_subset subset;
    int64_t seed;
    double *accuracies;         /* [n_accuracies], owned; fractions, after 0, 1, ... iterations */
    size_t n_accuracies;        /* at least one */
    bool has_classes;           /* the record has accuracies by class */
    double mean_class_accuracy; /* over the classes with images, a fraction */
    bool finished, untrained;
    bool imported;                /* its prompts are of a file of another program */
    bool synthetic, as_published; /* the data are drawn; they have the published counts and names */
    int64_t limit, steps, n_steps, n_skipped;
    int64_t n_images, n_classes; /* of the list; 0 in records that lack them */
    int64_t n_by_clip;           /* classes that have CLIP's logits, because the method knows only its own */
    struct config config;
};

struct record_list {
    struct record *items; /* [n], owned */
    size_t n;
};

/**
 * Adds the records of every results.json in a folder and the folders
 * below it, in the order of their paths, or of one such file.
 * @return OK, also without any record; ERR_IO; ERR_FORMAT with file and line for anything else than a record
 */
int records_read(struct record_list *out, const char *path);
void records_free(struct record_list *list);

#endif
