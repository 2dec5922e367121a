/* The arrays of the loader as tensors. */
#include "batch.h"

tensor *batch_pixels(scope *s, const struct session *session, const struct batch *batch)
{
    const int64_t S = session->clip->dims.image_px;
    return t_from_f32(s, batch->pixels, SHAPE(batch->n, 3, S, S), session->clip->dtypes.accum,
                      session->device);
}

tensor *batch_labels(scope *s, const struct session *session, const struct batch *batch)
{
    return t_from_i64(s, batch->labels, SHAPE(batch->n), session->device);
}
