/* The fast vision tower. */
#ifndef PROMPT_SRC_CLIP_VISION_FAST_H
#define PROMPT_SRC_CLIP_VISION_FAST_H

#include "prompt/clip/clip.h"

/** Adds layer 1's query, key and value to the tokens x [B,1+M,d_v]. */
struct image_tokens fast_image_tokens(scope *s, const struct clip *c, tensor *x);
/** clip_encode_image and, with a tuning, clip_encode_tuned_image of the fast encoder. */
tensor *fast_encode_image(scope *s, const struct clip *c, struct tape *tape, struct image_tokens tokens,
                          const tensor *const *prompts, int64_t n_prompts, const struct tower_tuning *tuning);

#endif
