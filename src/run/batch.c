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
                 const tensor *fixed_text, const struct batch *batch, const struct item_list *items,
                 struct image_features *features)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    struct step_inputs in = {.fixed_text = fixed_text};
    struct step_features computed = {0};
    const bool is_found = features && features->is_found, keeps = features && features->key && !is_found;
    if (batch->pixels)
        in.pixels = batch_pixels(s, m->clip, batch);
    if (is_found)
        in.features = image_features_rows(s, features, m->clip, batch->items, batch->n);
    if (keeps) /* the pictures are those after the ones before: none is left out, or nothing is kept */
        computed.values = features->values + batch->items[0] * (size_t)features->d;
    int status = step_logits(logits, keeps ? &computed : NULL, s, m, texts, &in);
    if (keeps)
        features->dtype = computed.dtype;
    int closed = scope_close(s);
    status = status == OK ? closed : status;
    return status == OK ? check_finite(logits, (m->options.n_iterations + 1) * texts->rows->n, batch, items)
                        : status;
}
