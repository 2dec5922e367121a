/** Evaluation: the logits of every image for n = 0..N, and the metrics counted from them. */
#ifndef PROMPT_RUN_EVAL_H
#define PROMPT_RUN_EVAL_H

#include "prompt/report/metrics.h"
#include "prompt/report/predictions.h"
#include "prompt/run/class_list.h"

struct eval_result {
    struct metrics metrics;
    int64_t n_skipped;   /* unreadable images left out (data.skip_bad_images) */
    int64_t n_damaged;   /* damaged images that were read nevertheless */
    char *first_damaged; /* path and damage of the first of them, "" if there is none; owned */
    double seconds;      /* decoding and model, text side included */
    /* only if logits are kept; owned */
    float *logits; /* [n,N+1,K], in the order of the list */
    /* only if predictions are kept; owned */
    struct prediction *predictions; /* [n,N+1] */
    /* if either is kept; owned */
    int64_t *labels; /* [n] */
    size_t *items;   /* [n], indices into the list */
};

struct eval_options {
    bool keep_logits;      /* keep every logit on the host: n (N+1) K floats */
    bool keep_predictions; /* keep the prediction for each image at every n */
    bool is_quiet;         /* show no progress */
};

/**
 * Evaluates `m`, with the model that it was made for, on a list of images, whose labels count within
 * `classes`.
 * @return OK; ERR_INTERRUPTED; the loader's errors; ERR_NUMERIC if a logit is not finite, naming the image
 */
int eval_run(struct eval_result *out, struct session *s, const struct method *m,
             const struct class_list *classes, const struct item_list *items, struct eval_options options);
void eval_result_free(struct eval_result *r);

/** Writes a safetensors file with `logits` [images,N+1,K], `labels` [images], and the JSON array "paths" in
 * its metadata. */
int eval_save_logits(const char *path, const struct eval_result *r, const struct item_list *items);

/**
 * Writes the prediction for each image at every n = 0..N as CSV: its index in the list, n, the indices of
 * label and predicted class, the probabilities of predicted class and label, the path, and both names
 * (Figures 1, 6 and 7). The predictions must have been kept; predictions_read reads the file.
 */
int eval_save_trace(const char *path, const struct eval_result *r, const struct item_list *items,
                    const struct class_list *classes);

#endif
