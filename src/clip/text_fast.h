/* The fast text tower. */
#ifndef PROMPT_SRC_CLIP_TEXT_FAST_H
#define PROMPT_SRC_CLIP_TEXT_FAST_H

#include "prompt/clip/clip.h"

/**
 * clip_encode_text of the fast encoder.
 * @param input  prefixes [B,p,d_l], or NULL; the embeddings [K,T,d_l] of rows that hold learned vectors
 */
tensor *fast_encode_text(scope *s, const struct clip *c, struct tape *tape, const tensor *input,
                         const struct class_texts *texts);

#endif
