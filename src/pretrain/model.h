/** The model that pre-training starts from. */
#ifndef PROMPT_SRC_PRETRAIN_MODEL_H
#define PROMPT_SRC_PRETRAIN_MODEL_H

#include "prompt/run/session.h"

/**
 * Random weights of the recipe's sizes and the tokenizer, into the session. CLIP's vocabulary if model.merges
 * names its file, else the drawn world's, which the weights carry from then on.
 */
int pretrain_make_model(struct session *s);

#endif
