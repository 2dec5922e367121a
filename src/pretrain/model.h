/** The model that pre-training starts from. */
#ifndef PROMPT_SRC_PRETRAIN_MODEL_H
#define PROMPT_SRC_PRETRAIN_MODEL_H

#include "prompt/run/session.h"

/**
 * Gives the session random weights of the recipe's sizes and a tokenizer: CLIP's vocabulary if model.merges
 * names its file, else the drawn world's, which the weights carry from then on.
 */
int pretrain_make_model(struct session *s);

#endif
