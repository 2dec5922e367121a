/** Result records: everything about one evaluation, machine-readable, appended to a run's results.json. */
#ifndef PROMPT_RUN_RESULTS_H
#define PROMPT_RUN_RESULTS_H

#include "prompt/run/checkpoint.h"
#include "prompt/run/eval.h"

/** The facts of a record besides the numbers; all borrowed. */
struct record_context {
    const struct session *session;
    const struct class_list *classes;
    const struct item_list *items;       /* the images that were evaluated, after --limit */
    const struct progress *progress;     /* of the training; NULL if nothing was trained */
    const struct provenance *provenance; /* of the training; NULL likewise */
    int64_t n_by_clip;                   /* classes that have CLIP's logits (method_n_by_clip) */
    int64_t limit;                       /* 0: all images */
    bool untrained;                      /* initial prompts were evaluated, on request */
    bool per_class;                      /* with accuracies by class and the confusion matrix */
};

/**
 * Appends one JSON object: method, data set, split, classes, seed, counts, accuracy per n, configuration and
 * its hash, digests of weights, sample, class names and test list, whether the data are drawn or the
 * published ones, versions, device, time. `finished` is false for a limited evaluation or an unfinished
 * training; such a record never fills a table.
 */
int record_write(struct str *out, const struct record_context *context, const struct eval_result *result);

/* Parts of a record, for other files about what a program computed; each appends members of an object. */

/** "digests" of weights, class names, images and preprocessing, and of a training (NULL: none). */
int record_write_digests(struct str *out, const struct session *s, const struct class_list *list,
                         const struct item_list *images, const struct provenance *provenance);
/** "inputs", on which pixels and token ids depend, and "trained_inputs" of a training (NULL: none). */
int record_write_inputs(struct str *out, const struct session *s, const struct provenance *provenance);
/** "config_hash" and "config". */
int record_write_config(struct str *out, const struct config *config);
/** Versions, device, precision, threads, time, and the images a second of `n_images` in `elapsed_s`. */
void record_write_machine(struct str *out, const struct session *s, double elapsed_s, int64_t n_images);

#endif
