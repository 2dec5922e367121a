/** Sizes that follow from the tensors, and whether they agree. */
#ifndef PROMPT_SRC_WEIGHTS_CHECK_H
#define PROMPT_SRC_WEIGHTS_CHECK_H

#include "prompt/weights/weights.h"

/** Sizes that follow from the tensors: everything but heads, activations and epsilons. */
int weights_infer_dims(struct clip_dims *out, const struct params *raw, bool is_hugging_face);

/** Puts the file's tensors into `out` under OpenAI's names; all missing, extra and mis-shaped ones are named.
 */
int weights_collect(struct params *out, scope *s, const struct params *raw, const struct clip_dims *dims,
                    bool is_hugging_face);

#endif
