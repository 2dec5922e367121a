/** Preprocessing in our own metadata and keys. */
#ifndef PROMPT_SRC_WEIGHTS_PREPROCESS_OURS_H
#define PROMPT_SRC_WEIGHTS_PREPROCESS_OURS_H

#include "prompt/weights/weights.h"

/** Reads our metadata; sets `*found` if they have any of it. */
int weights_read_preprocess(struct preprocess *out, bool *found, const struct metadata *m);
/** Writes only values that differ from OpenAI's, so that files with OpenAI's keep their bytes. */
int weights_write_preprocess(struct metadata *out, const struct preprocess *p);
/** Applies the keys model.image_mean, image_std, interpolation and resize_mode. */
int weights_apply_preprocess(struct preprocess *out, const struct weights_options *options);

#endif
