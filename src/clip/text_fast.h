/* The fast text tower. */
#ifndef PROMPT_SRC_CLIP_TEXT_FAST_H
#define PROMPT_SRC_CLIP_TEXT_FAST_H

#include "prompt/clip/clip.h"

/**
 * clip_encode_text and, with a tuning, clip_encode_tuned_text of the fast encoder.
 * @param input   prefixes [B,p,d_l], or NULL; the embeddings [K,T,d_l] of rows that share nothing
 * @param tuning  NULL: CLIP's own tower
 */
tensor *fast_encode_text(scope *s, const struct clip *c, struct tape *tape, const tensor *input,
                         const struct class_texts *texts, const struct tower_tuning *tuning);

#endif
