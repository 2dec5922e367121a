/** The arrays of the loader as tensors, and as logits. */
#ifndef PROMPT_SRC_RUN_BATCH_H
#define PROMPT_SRC_RUN_BATCH_H

#include "prompt/run/features.h"
#include "prompt/run/predict.h"

/** Pixels of a batch on the model's device, [B,3,S,S]. */
tensor *batch_pixels(scope *s, const struct clip *model, const struct batch *batch);
tensor *batch_labels(scope *s, const struct clip *model, const struct batch *batch); /* [B] */
/* A grey image of class 0, for a rank without one, whose loss has weight 0: it takes part in all exchanges. */
tensor *batch_no_pixels(scope *s, const struct clip *model); /* [1,3,S,S] */
tensor *batch_no_labels(scope *s, const struct clip *model); /* [1] */

/** The batches that a loader would give of a list, without pixels: where features suffice. */
struct list_batches {
    const struct item_list *items; /* borrowed */
    int64_t batch_size, n_done;
    int64_t part, n_parts; /* every n_parts-th batch, as loader_options.deals_batches */
    int64_t *labels;       /* [batch_size], owned */
    size_t *indices;       /* [batch_size], owned */
};
int list_batches_open(struct list_batches *out, const struct item_list *items, int64_t batch_size,
                      int64_t part, int64_t n_parts);
/** `out` is borrowed until the next call; `n` is 0 at the end. */
void list_batches_next(struct batch *out, struct list_batches *b);
void list_batches_close(struct list_batches *b);

/**
 * Logits of a batch for n = 0..N on the host, [B,N+1,K].
 * @param fixed_text  of method_fixed_text, or NULL
 * @param batch       of the loader; without pixels if the features were found and suffice
 * @param items       the list that the loader reads
 * @param features    of the list: used if they were found, else filled in; NULL: neither
 * @return OK; ERR_NUMERIC if a logit is not finite, naming the image; ERR_TORCH
 */
int batch_logits(float *logits, scope *outer, const struct method *m, const struct class_texts *texts,
                 const tensor *fixed_text, const struct batch *batch, const struct item_list *items,
                 struct image_features *features);

/**
 * Image features of a batch on the host, [B,d].
 * @param known  x^0 of the list: used if it was found, else filled in; NULL: neither; NULL with a method
 * @return OK; ERR_NUMERIC if a value is not finite, naming the image; ERR_TORCH
 */
int batch_features(float *features, scope *outer, const struct feature_source *source,
                   const tensor *fixed_text, const struct batch *batch, const struct item_list *items,
                   struct image_features *known);

#endif
