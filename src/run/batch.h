/** The arrays of the loader as tensors. */
#ifndef PROMPT_SRC_RUN_BATCH_H
#define PROMPT_SRC_RUN_BATCH_H

#include "prompt/run/session.h"

/** Pixels of a batch on the model's device, [B,3,S,S]. */
tensor *batch_pixels(scope *s, const struct clip *model, const struct batch *batch);
tensor *batch_labels(scope *s, const struct clip *model, const struct batch *batch); /* [B] */

#endif
