/** The arrays of the loader as tensors, and as logits. */
#ifndef PROMPT_SRC_RUN_BATCH_H
#define PROMPT_SRC_RUN_BATCH_H

#include "prompt/run/features.h"
#include "prompt/run/predict.h"

/** Pixels of a batch on the model's device, [B,3,S,S]. */
tensor *batch_pixels(scope *s, const struct clip *model, const struct batch *batch);
tensor *batch_labels(scope *s, const struct clip *model, const struct batch *batch); /* [B] */

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
 * @return OK; ERR_NUMERIC if a value is not finite, naming the image; ERR_TORCH
 */
int batch_features(float *features, scope *outer, const struct feature_source *source,
                   const tensor *fixed_text, const struct batch *batch, const struct item_list *items);

#endif
