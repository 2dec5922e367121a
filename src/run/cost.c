/* The estimate of memory and steps. */
#include "prompt/run/cost.h"

#include <inttypes.h>

static const double GIB = 1024.0 * 1024.0 * 1024.0;
static const double MIB = 1024.0 * 1024.0;
static const double FREE_SHARE = 0.85; /* of what is free, without a key */

/* The fast encoder holds each matrix as the file has it (on a CPU the mapped file itself), and laid out for
 * its forward and for its backward product. */
static double model_bytes(const struct session *s)
{
    double values = 0.0;
    for (size_t i = 0; i < s->weights->tensors.n; i++)
        values += (double)t_numel(s->weights->tensors.items[i].value);
    const double products = (double)dtype_size(s->clip->types.products);
    return values * (s->clip->fast ? (double)dtype_size(s->clip->types.master) + 2.0 * products : products);
}

static double budget_bytes(const struct session *s)
{
    const double key = (double)s->config->memory_budget_mib * MIB;
    return key > 0.0 ? key : FREE_SHARE * (double)device_free_bytes(s->device);
}

struct cost cost_plan(const struct session *s, const struct method *m, struct class_list *classes,
                      int64_t n_images, int64_t n_steps)
{
    const struct method_options *o = &m->options;
    const int64_t B = n_images < s->config->batch_size ? n_images : s->config->batch_size;
    const int64_t n_prompts = !o->filter ? classes->n
                              : o->vision_generator && classes->n < o->vision_prompt_count
                                  ? classes->n
                                  : o->vision_prompt_count;
    /* without its generator a side does not depend on the image or the iteration, and is computed once */
    const double text_passes = o->text_generator ? (double)o->n_iterations : 1.0;
    const double image_passes = o->vision_generator ? (double)o->n_iterations : 1.0;
    const double text_pass_bytes = clip_text_kept_bytes(s->clip, &classes->texts.names,
                                                        method_prefix_tokens(o), o->text_generator ? B : 1);
    struct cost c = {
        .n_trained = params_numel(&m->trained),
        .n_steps = n_steps,
        .step_images = B,
        .weights_bytes = model_bytes(s),
        .text_full_bytes = text_passes * text_pass_bytes,
        .image_bytes = image_passes * clip_image_kept_bytes(s->clip, B, n_prompts),
        .budget_bytes = budget_bytes(s),
    };
    c.text_bytes = c.text_full_bytes;
    if (s->config->encoder == ENCODER_FAST && c.budget_bytes > 0.0) {
        const double room = c.budget_bytes - c.weights_bytes - c.image_bytes;
        c.text_bytes = room < 0.0 ? 0.0 : room < c.text_full_bytes ? room : c.text_full_bytes;
        classes->texts.names.keep_bytes = c.text_bytes / text_passes;
    }
    return c;
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
             c->step_images, s->config->epochs);
    const double total = c->weights_bytes + c->text_bytes + c->image_bytes;
    char budget[64] = "", again[64] = "";
    if (c->budget_bytes > 0)
        snprintf(budget, sizeof budget, "; the budget is %.1f GiB", c->budget_bytes / GIB);
    if (c->text_bytes < c->text_full_bytes)
        snprintf(again, sizeof again, " (%.0f %% of it computed again)",
                 100.0 * (1.0 - c->text_bytes / c->text_full_bytes));
    log_info(log, "memory   about %.2f GiB: model %.2f, text side %.2f%s, image side %.2f%s", total / GIB,
             c->weights_bytes / GIB, c->text_bytes / GIB, again, c->image_bytes / GIB, budget);
    if (c->budget_bytes > 0 && total > c->budget_bytes)
        log_warning(
            log, "this is more than the budget; a smaller training.batch_size or fewer iterations need less");
}
