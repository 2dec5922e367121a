/* The fast text tower. */
#ifndef PROMPT_SRC_CLIP_TEXT_FAST_H
#define PROMPT_SRC_CLIP_TEXT_FAST_H

#include "prompt/clip/clip.h"

/**
 * clip_encode_text of the fast encoder. `first` of the vectors: prefixes [B,p,d_l], or NULL; of rows that
 * share nothing (token_rows_share) their embeddings, [K,T,d_l].
 */
tensor *fast_encode_text(scope *s, const struct clip *c, struct tape *tape,
                         const struct text_vectors *vectors, const struct class_texts *texts);

#endif
