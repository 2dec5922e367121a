/** Derives the sizes of a model from its tensors and checks them. */
#ifndef PROMPT_SRC_WEIGHTS_CHECK_H
#define PROMPT_SRC_WEIGHTS_CHECK_H

#include "prompt/weights/weights.h"

/** The sizes that follow from the tensors: all but heads, activations and epsilons. */
int weights_infer_dims(struct clip_dims *out, const struct params *raw, bool is_hugging_face);

/** Puts the tensors into `out` under OpenAI's names; the error names all missing, extra and mis-shaped
 * ones. */
int weights_collect(struct params *out, scope *s, const struct params *raw, const struct clip_dims *dims,
                    bool is_hugging_face);

#endif
