/** The arrays of the loader as tensors, and as logits. */
#ifndef PROMPT_SRC_RUN_BATCH_H
#define PROMPT_SRC_RUN_BATCH_H

#include "prompt/run/features.h"
#include "prompt/run/predict.h"
#include "step.h"

/** Where the steps of a training find their batches on the model's device, always at the same place. */
struct batch_buffers {
    tensor *pixels; /* [n,3,S,S] */
    tensor *labels; /* [n] */
    tensor *weight; /* [], of step_batch.loss_weight */
};
/** For batches of at most n images, in `owner`. ERR_TORCH; ERR_MEMORY. */
int batch_buffers_open(struct batch_buffers *out, scope *owner, const struct clip *model, int64_t n);
/**
 * Brings a batch there, and sets the tensors of `out`, whose ranks and weight are set; a failure marks `s`. A rank
 * without an image gets a grey one of class 0, whose loss has weight 0: it takes part in all exchanges.
 */
void batch_upload(struct step_batch *out, scope *s, const struct batch_buffers *b, const struct batch *batch);

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
