/** Predictions and image features of pictures, picture by picture in the order of their list. */
#ifndef PROMPT_RUN_PREDICT_H
#define PROMPT_RUN_PREDICT_H

#include "prompt/run/class_list.h"

/** The receiver of what is computed. */
struct predict_options {
    /* receives the logits of a picture, [N+1,K], or its features, [d], borrowed during the call; another status
     * than OK ends all */
    int (*on_picture)(void *context, size_t item, const float *values);
    /* receives why a picture cannot be read; the others are predicted nevertheless */
    void (*on_failure)(void *context, size_t item, const char *message);
    /* a batch is complete: time to flush; may be NULL */
    int (*on_batch)(void *context);
    void *context;          /* borrowed */
    bool apply_orientation; /* turn pictures upright by their EXIF data */
    bool is_quiet;          /* show no progress */
};

struct predict_result {
    int64_t n_predicted, n_failed;
    int64_t n_damaged;   /* damaged pictures that were read nevertheless */
    char *first_damaged; /* path and damage of the first of them, "" if there is none; owned */
    int64_t n_oriented;  /* pictures whose EXIF data ask to turn them, turned or not */
    double seconds;      /* decoding and model, text side included */
};
void predict_result_free(struct predict_result *r);

/**
 * Predicts `items`, whose labels do not matter, with the method and the model that it was made for.
 * Pictures that cannot be read do not end it, and not even all of them do.
 * @param out  owned; zeroed on failure
 * @return OK; ERR_INTERRUPTED; ERR_NUMERIC if a logit is not finite, naming the picture; a callback's status
 */
int predict_run(struct predict_result *out, struct session *s, const struct method *m,
                const struct class_list *classes, const struct item_list *items,
                const struct predict_options *options);

/** Which image features: x^n of a method, or x^0, which CLIP alone gives. */
struct feature_source {
    const struct clip *model;
    const struct method *method;     /* NULL: x^0, and the next two are not read */
    const struct class_texts *texts; /* of the method */
    int64_t n;
    bool is_normalized; /* to length 1 */
};

/** Like predict_run; `on_picture` receives image features, fp32. */
int predict_features(struct predict_result *out, struct session *s, const struct feature_source *source,
                     const struct item_list *items, const char *image_dir,
                     const struct predict_options *options);

/** Fills `best` [top] with the classes of the highest logits, the highest first; the lowest of equals. */
int predict_best(int64_t *best, int64_t top, const float *logits, int64_t n_classes);

#endif
