/* The arrays of the loader as tensors, and as logits. */
#include "batch.h"

#include <math.h>

#include "step.h"

tensor *batch_pixels(scope *s, const struct clip *model, const struct batch *batch)
{
    const int64_t S = model->dims.image_px;
    return t_from_f32(s, batch->pixels, SHAPE(batch->n, 3, S, S), model->dtypes.accum, model->device);
}

tensor *batch_labels(scope *s, const struct clip *model, const struct batch *batch)
{
    return t_from_i64(s, batch->labels, SHAPE(batch->n), model->device);
}

static int check_finite(const float *logits, int64_t n_per_image, const struct batch *batch,
                        const struct item_list *items)
{
    for (int64_t i = 0; i < batch->n * n_per_image; i++)
        if (!isfinite(logits[i]))
            return error_set(
                ERR_NUMERIC,
                "the logits of image '%s' are not finite: weights with NaN, or a precision too small",
                items->items[batch->items[i / n_per_image]].path);
    return OK;
}

int batch_logits(float *logits, scope *outer, const struct method *m, const struct class_texts *texts,
                 const tensor *fixed_text, const struct batch *batch, const struct item_list *items)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    int status = step_logits(logits, s, m, texts, fixed_text, batch_pixels(s, m->clip, batch));
    int closed = scope_close(s);
    status = status == OK ? closed : status;
    return status == OK ? check_finite(logits, (m->options.n_iterations + 1) * texts->rows->n, batch, items)
                        : status;
}
