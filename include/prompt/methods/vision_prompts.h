/** Learned prompts at the first J vision layers: the start of ProMPT's, and all of VPT-deep's and IVLP's. */
#ifndef PROMPT_METHODS_VISION_PROMPTS_H
#define PROMPT_METHODS_VISION_PROMPTS_H

#include "prompt/methods/parts.h"

/** Adds the trained tensor "vision_prompts", [J,n_rows,d_v], N(0, 0.02^2). ERR_USAGE if J > L or there are no
 * rows. */
int vision_prompts_create(struct method *m, const struct method_init *init, int64_t n_rows);

/** The first n_rows of each layer as J tensors [1,n_rows,d_v]. The array is owned; NULL marks the scope. */
tensor **vision_prompts_start(scope *s, const struct method *m, int64_t n_rows);

/**
 * Eq. 9: features of the image with its prompts, [B,d].
 * @param prompts   n_layers tensors [B or 1,n,d_v]; those for all images are expanded in place
 */
tensor *vision_prompts_encode(scope *s, const struct method *m, struct tape *tape,
                              struct image_tokens image_tokens, tensor **prompts, int64_t n_layers);

#endif
