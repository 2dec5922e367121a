/** Result records: everything about one evaluation, machine-readable, appended to a run's results.json. */
#ifndef PROMPT_RUN_RESULTS_H
#define PROMPT_RUN_RESULTS_H

#include "prompt/run/checkpoint.h"
#include "prompt/run/eval.h"

/** What a record says besides the numbers. */
struct record_context {
    const struct session *session;
    const struct class_list *classes;
    const struct item_list *items;       /* what was evaluated, after --limit */
    const struct progress *progress;     /* of the training; NULL if nothing was trained */
    const struct provenance *provenance; /* of the training; NULL likewise */
    int64_t limit;                       /* 0: all images */
    bool untrained;                      /* initial prompts, on request */
    bool per_class;
};

/**
 * One JSON object: method, data set, split, classes, seed, counts, accuracy per n, configuration and its
 * hash, digests of weights, sample, class names and test list, whether the data are drawn or the published
 * ones, versions, device, time. `finished` is false for a limited evaluation or an unfinished training; such
 * a record never fills a table.
 */
int record_write(struct str *out, const struct record_context *context, const struct eval_result *result);

#endif
