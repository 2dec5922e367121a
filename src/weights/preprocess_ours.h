/** Preprocessing in our own metadata and keys. */
#ifndef PROMPT_SRC_WEIGHTS_PREPROCESS_OURS_H
#define PROMPT_SRC_WEIGHTS_PREPROCESS_OURS_H

#include "prompt/weights/weights.h"

/** Of our metadata; `*found` is set if they say anything. */
int weights_read_preprocess(struct preprocess *out, bool *found, const struct metadata *m);
/** Sets what is not OpenAI's, so that files with OpenAI's keep their bytes. */
int weights_write_preprocess(struct metadata *out, const struct preprocess *p);
/** The keys model.image_mean, image_std, interpolation, resize_mode over it. */
int weights_apply_preprocess(struct preprocess *out, const struct weights_options *options);

#endif
