/* The feature filter F. Softmax keeps the order, so that of the logits is enough. */
#include "prompt/methods/filter.h"

tensor *filter_pick(scope *s, const tensor *logits, int64_t a)
{
    return t_top_indices(s, t_detach(s, logits), a);
}

tensor *filter_gather(scope *s, const tensor *z, const tensor *picks)
{
    const int64_t B = t_size(picks, 0), a = t_size(picks, 1), K = t_size(z, 1), d = t_size(z, 2);
    tensor *per_image = t_expand(s, z, SHAPE(B, K, d));
    tensor *index = t_expand(s, t_unsqueeze(s, picks, -1), SHAPE(B, a, d));
    return t_gather(s, per_image, 1, index);
}
