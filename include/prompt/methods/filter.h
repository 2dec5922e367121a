/** The feature filter F: the text features of the classes most similar to an image (Figure 3). */
#ifndef PROMPT_METHODS_FILTER_H
#define PROMPT_METHODS_FILTER_H

#include "prompt/torch/torch.h"

/**
 * The `a` classes of highest probability per image, in falling order; of equals the lowest class first.
 * @param logits  [B,K]
 * @return [B,a]
 */
tensor *filter_pick(scope *s, const tensor *logits, int64_t a);

/**
 * The picked rows of Z.
 * @param z      [B,K,d], or [1,K,d] for all images
 * @param picks  [B,a]
 * @return [B,a,d]
 */
tensor *filter_gather(scope *s, const tensor *z, const tensor *picks);

#endif
