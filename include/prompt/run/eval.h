/** Evaluation: logits of every image for n = 0..N, and what is counted from them. */
#ifndef PROMPT_RUN_EVAL_H
#define PROMPT_RUN_EVAL_H

#include "prompt/report/metrics.h"
#include "prompt/run/session.h"

struct eval_result {
    struct metrics metrics;
    int64_t n_skipped;   /* unreadable images left out (data.skip_bad_images) */
    int64_t n_damaged;   /* images damaged and read all the same ... */
    char *first_damaged; /* ... path and damage of the first, "" if there is none; owned */
    double seconds;      /* decoding and model, text side included */
    /* filled if logits are kept */
    float *logits;   /* [n, N+1, K], in the order of the list */
    int64_t *labels; /* [n] */
    size_t *items;   /* [n], index into the list */
};

struct eval_options {
    bool keep_logits; /* keep every logit on the host: n (N+1) K floats */
    bool is_quiet;    /* show no progress */
};

/**
 * Evaluates `m`, with the model that it was made for, on a list of images, whose labels count within
 * `classes`.
 * @return OK; ERR_INTERRUPTED; the loader's errors; ERR_NUMERIC if a logit is not finite, naming the image
 */
int eval_run(struct eval_result *out, struct session *s, const struct method *m,
             const struct class_list *classes, const struct item_list *items, struct eval_options options);
void eval_result_free(struct eval_result *r);

/** Writes `logits` [images,N+1,K], `labels` [images], and "paths" (JSON array) in the metadata, as
 * safetensors. */
int eval_save_logits(const char *path, const struct eval_result *r, const struct item_list *items);

/**
 * Writes as CSV what each image was taken for at every n = 0..N: its index in the list, n, the label's
 * and the predicted class's index, the predicted one's probability and the label's, then path and both names
 * (Figures 1, 6 and 7). Logits must have been kept.
 */
int eval_save_trace(const char *path, const struct eval_result *r, const struct item_list *items,
                    const struct class_list *classes);

#endif
