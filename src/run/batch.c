/* The arrays of the loader as tensors. */
#include "batch.h"

tensor *batch_pixels(scope *s, const struct clip *model, const struct batch *batch)
{
    const int64_t S = model->dims.image_px;
    return t_from_f32(s, batch->pixels, SHAPE(batch->n, 3, S, S), model->dtypes.accum, model->device);
}

tensor *batch_labels(scope *s, const struct clip *model, const struct batch *batch)
{
    return t_from_i64(s, batch->labels, SHAPE(batch->n), model->device);
}
