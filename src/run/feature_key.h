/** The keys of features in the store. */
#ifndef PROMPT_SRC_RUN_FEATURE_KEY_H
#define PROMPT_SRC_RUN_FEATURE_KEY_H

#include "prompt/run/features.h"

/** Appends what all keys of a session begin with: weights, program, machine, settings. The weights must be
 * hashed. */
int feature_key_begin(struct str *out, const struct session *s);
/** Appends the texts of a key of Z^0. */
int feature_key_captions(struct str *out, const struct token_rows *captions, size_t n_templates,
                         enum template_mean mean);
/** Appends the pictures of a key of x^0. `*is_settled`: no picture changed in the last seconds. */
int feature_key_images(struct str *out, bool *is_settled, const struct session *s,
                       const struct image_source *source);

#endif
