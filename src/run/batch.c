/* The arrays of the loader as tensors, and as logits. */
#include "batch.h"

#include <math.h>

#include <stdlib.h>

#include "prompt/torch/fused.h"

int batch_buffers_open(struct batch_buffers *out, scope *owner, const struct clip *model, int64_t n)
{
    const int64_t S = model->dims.image_px;
    *out = (struct batch_buffers){.pixels =
                                      t_zeros(owner, SHAPE(n, 3, S, S), model->dtypes.accum, model->device),
                                  .labels = t_zeros(owner, SHAPE(n), DTYPE_I64, model->device),
                                  .weight = t_zeros(owner, NULL, 0, model->dtypes.accum, model->device)};
    return scope_status(owner);
}

void batch_upload(struct step_batch *out, scope *s, const struct batch_buffers *b, const struct batch *batch)
{
    const int64_t n = batch->n > 0 ? batch->n : 1;
    tensor *pixels = t_narrow(s, b->pixels, 0, 0, n), *labels = t_narrow(s, b->labels, 0, 0, n);
    if (batch->n > 0) {
        t_write_f32(s, pixels, batch->pixels, (size_t)t_numel(pixels));
        t_write_i64(s, labels, batch->labels, (size_t)n);
    } else {
        t_zero_(s, pixels);
        t_zero_(s, labels);
    }
    if (out->ranks)
        t_fill_(s, b->weight, out->weight);
    out->pixels = pixels;
    out->labels = labels;
    out->loss_weight = out->ranks ? b->weight : NULL;
}

/* Pixels of a batch on the model's device, [B,3,S,S]. */
static tensor *batch_pixels(scope *s, const struct clip *model, const struct batch *batch)
{
    const int64_t S = model->dims.image_px;
    return t_from_f32(s, batch->pixels, SHAPE(batch->n, 3, S, S), model->dtypes.accum, model->device);
}

int list_batches_open(struct list_batches *out, const struct item_list *items, int64_t batch_size,
                      int64_t part, int64_t n_parts)
{
    *out = (struct list_batches){.items = items,
                                 .batch_size = batch_size,
                                 .n_done = part * batch_size,
                                 .part = part,
                                 .n_parts = n_parts};
    out->labels = malloc((size_t)batch_size * sizeof *out->labels);
    out->indices = malloc((size_t)batch_size * sizeof *out->indices);
    return out->labels && out->indices ? OK : error_out_of_memory();
}

void list_batches_next(struct batch *out, struct list_batches *b)
{
    const int64_t left = (int64_t)b->items->n - b->n_done;
    const int64_t n = left < b->batch_size ? left : b->batch_size;
    *out = (struct batch){.index = b->n_done / b->batch_size, .labels = b->labels, .items = b->indices};
    out->n = out->n_whole = n > 0 ? n : 0;
    for (int64_t i = 0; i < out->n; i++) {
        b->indices[i] = (size_t)(b->n_done + i);
        b->labels[i] = b->items->items[b->indices[i]].label;
    }
    b->n_done += b->n_parts * b->batch_size;
}

void list_batches_close(struct list_batches *b)
{
    free(b->labels);
    free(b->indices);
    *b = (struct list_batches){0};
}

static int check_finite(const float *values, int64_t n_per_image, const char *what, const struct batch *batch,
                        const struct item_list *items)
{
    for (int64_t i = 0; i < batch->n * n_per_image; i++)
        if (!isfinite(values[i]))
            return error_set(
                ERR_NUMERIC,
                "the %s of image '%s' are not finite: weights with NaN, or a precision too small", what,
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
    const int64_t n_per_image = (m->options.n_iterations + 1) * texts->rows->n;
    return status == OK ? check_finite(logits, n_per_image, "logits", batch, items) : status;
}

/* x^n, [B,d]. */
static const tensor *encode(scope *s, const struct feature_source *source, const tensor *fixed_text,
                            const tensor *pixels)
{
    const struct clip *c = source->model;
    struct method_output out;
    if (!source->method)
        return clip_encode_image(s, c, NULL, clip_image_tokens(s, c, pixels), NULL, 0);
    method_forward(
        &out, s, source->method,
        &(struct method_inputs){.classes = source->texts, .fixed_text = fixed_text, .pixels = pixels});
    const tensor *x = out.features[source->n];
    method_output_free(&out);
    return x;
}

int batch_features(float *features, scope *outer, const struct feature_source *source,
                   const tensor *fixed_text, const struct batch *batch, const struct item_list *items,
                   struct image_features *known)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    const struct clip *c = source->model;
    const bool is_found = known && known->is_found;
    const tensor *given = is_found ? image_features_rows(s, known, c, batch->items, batch->n)
                                   : encode(s, source, fixed_text, batch_pixels(s, c, batch));
    const tensor *x = t_to(s, given, DTYPE_F32);
    if (known && known->key && !is_found) {
        known->dtype = t_dtype(given); /* a failure marks the scope */
        (void)t_read_f32(known->values + batch->items[0] * (size_t)known->d, (size_t)(batch->n * known->d), s,
                         x);
    }
    if (source->is_normalized)
        x = t_normalize(s, x, -1);
    int status = t_read_f32(features, (size_t)(batch->n * c->dims.embed_dim), s, x);
    int closed = scope_close(s);
    status = status == OK ? closed : status;
    return status == OK ? check_finite(features, c->dims.embed_dim, "features", batch, items) : status;
}
