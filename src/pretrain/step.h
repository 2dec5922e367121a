/** A step of pre-training, and the retrieval that measures it. */
#ifndef PROMPT_SRC_PRETRAIN_STEP_H
#define PROMPT_SRC_PRETRAIN_STEP_H

#include "prompt/nn/optim.h"
#include "prompt/run/session.h"
#include "source.h"

/** The numbers of a step. */
struct pretrain_numbers {
    double loss, grad_norm, logit_scale;
};

/** Computes forward, loss, backward, clipping and update. `step` counts from 0. ERR_NUMERIC if the loss is
 * not finite. */
int pretrain_step(struct pretrain_numbers *out, struct session *s, struct adamw *optimizer,
                  const struct pair_batch *batch, int64_t step);

/** Share of the pairs whose own caption, or one of the same words, is the nearest to the picture; and
 * back. */
struct retrieval {
    double image_to_text, text_to_image;
};
int pretrain_retrieval(struct retrieval *out, struct session *s, const struct pair_batch *batch);

#endif
