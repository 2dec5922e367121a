/* The estimate of memory and steps. */
#include "prompt/run/cost.h"

#include <inttypes.h>

/* Per token and layer: see cost.h. */
static const double SAVED_WIDTHS = 14.0;
static const double SAVED_WIDTHS_CPU = 18.5;
static const double GIB = 1024.0 * 1024.0 * 1024.0;

/* Values per token and layer that the backward pass needs, for all layers of a tower. */
static double saved_bytes(const struct session *s, const struct tower_dims *tower, double n_tokens)
{
    const double widths = s->device.kind == DEVICE_CPU ? SAVED_WIDTHS_CPU : SAVED_WIDTHS;
    const double value_bytes = (double)dtype_size(s->clip->types.products);
    return n_tokens * (double)tower->n_layers * (double)tower->width * widths * value_bytes;
}

static double model_bytes(const struct session *s)
{
    double bytes = 0.0;
    for (size_t i = 0; i < s->weights->tensors.n; i++)
        bytes += (double)t_numel(s->weights->tensors.items[i].value);
    return bytes * (double)dtype_size(s->clip->types.products);
}

struct cost cost_estimate(const struct session *s, const struct method *m, const struct class_list *classes,
                          int64_t n_steps)
{
    const struct method_options *o = &m->options;
    const struct clip_dims *d = &s->clip->dims;
    const double B = (double)s->config->batch_size, K = (double)classes->n;
    const double patches = (double)((d->image_px / d->patch_px) * (d->image_px / d->patch_px));
    const double n_prompts = (double)(o->filter ? o->vision_prompt_count : classes->n);
    /* without its generator a side does not depend on the image or the iteration, and is computed once */
    const double text_passes = o->text_generator ? (double)o->n_iterations * B : 1.0;
    const double image_passes = (o->vision_generator ? (double)o->n_iterations : 1.0) * B;
    const double text_tokens = (double)(method_prefix_tokens(o) + classes->rows.names.n_tokens);

    return (struct cost){
        .n_trained = params_numel(&m->trained),
        .n_steps = n_steps,
        .weights_bytes = model_bytes(s),
        .text_bytes = saved_bytes(s, &d->text, text_passes * K * text_tokens),
        .image_bytes = saved_bytes(s, &d->vision, image_passes * (1.0 + n_prompts + patches)),
        .decoded_bytes = (double)s->config->data_cache_mib * 1024.0 * 1024.0,
        .free_bytes = (double)device_free_bytes(s->device),
    };
}

void cost_print(struct log *log, const struct cost *c, const struct method *m, const struct session *s)
{
    log_info(log, "trained  %" PRId64 " values:", c->n_trained);
    for (size_t i = 0; i < m->trained.n; i++) {
        struct str shape = {0};
        const tensor *t = m->trained.items[i].value;
        for (int64_t k = 0; k < t_dim(t); k++)
            str_appendf(&shape, "%s%" PRId64, k > 0 ? "," : "", t_size(t, k));
        log_info(log, "           %-28s [%s] %" PRId64, m->trained.items[i].name, str_text(&shape),
                 t_numel(t));
        str_free(&shape);
    }
    log_info(log, "steps    %" PRId64 " of %" PRId64 " images: %" PRId64 " epochs", c->n_steps,
             s->config->batch_size, s->config->epochs);
    const double total = c->weights_bytes + c->text_bytes + c->image_bytes;
    char available[64] = "";
    if (c->free_bytes > 0)
        snprintf(available, sizeof available, "; %.1f GiB are free", c->free_bytes / GIB);
    log_info(log, "memory   about %.2f GiB: model %.2f, text side %.2f, image side %.2f%s", total / GIB,
             c->weights_bytes / GIB, c->text_bytes / GIB, c->image_bytes / GIB, available);
    if (c->free_bytes > 0 && total > c->free_bytes)
        log_warning(
            log,
            "this is more than what is free; a smaller training.batch_size or fewer iterations need less");
}
