/* The estimate of memory and steps. */
#include "prompt/run/cost.h"

#include <inttypes.h>

#include "prompt/run/speed.h"

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

/* What a step computes: CLIP's own image features, then the method's passes. */
static struct clip_work work_of(const struct clip *c, const struct method_passes *p,
                                const struct clip_texts *texts, int64_t n_images, bool backward)
{
    struct clip_work w =
        clip_work_sum(clip_tokens_work(c, n_images), clip_image_work(c, n_images, 0, 0, false));
    for (int64_t i = 0; i < p->n_text; i++)
        w = clip_work_sum(w, clip_text_work(c, texts, p->n_prefixes, backward));
    for (int64_t i = 0; i < p->n_image; i++)
        w = clip_work_sum(w, clip_image_work(c, n_images, p->n_prompts, p->n_prompt_layers, backward));
    return w;
}

struct cost cost_plan(const struct session *s, const struct method *m, struct class_list *classes,
                      int64_t batch_size, int64_t n_images, int64_t n_steps)
{
    const int64_t B = n_images < batch_size ? n_images : batch_size;
    const struct method_passes p = method_passes(m, B, classes->n);
    struct clip_texts *texts = &classes->texts.names;
    struct cost c = {
        .n_trained = params_numel(&m->trained),
        .n_steps = n_steps,
        .step_images = B,
        .weights_bytes = model_bytes(s),
        .text_full_bytes = (double)p.n_text * clip_text_kept_bytes(s->clip, texts, p.n_prefixes),
        .image_bytes = (double)p.n_image * clip_image_kept_bytes(s->clip, B, p.n_prompts),
        .budget_bytes = budget_bytes(s),
    };
    c.text_bytes = c.text_full_bytes;
    if (s->config->encoder == ENCODER_FAST && c.budget_bytes > 0.0 && p.n_text > 0) {
        const double room = c.budget_bytes - c.weights_bytes - c.image_bytes;
        c.text_bytes = room < 0.0 ? 0.0 : room < c.text_full_bytes ? room : c.text_full_bytes;
        texts->keep_bytes = c.text_bytes / (double)p.n_text;
    }
    c.step_work = work_of(s->clip, &p, texts, B, true);
    c.forward_work = work_of(s->clip, &p, texts, B, false);
    return c;
}

int cost_seconds(double *seconds, const struct session *s, const struct clip_work *work)
{
    struct machine_speed speed;
    int status = speed_measure(&speed, s);
    if (status == OK)
        *seconds = speed_seconds(&speed, work);
    return status;
}

int cost_print(struct log *log, const struct cost *c, const struct method *m, const struct session *s)
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
    double seconds = 0.0;
    int status = cost_seconds(&seconds, s, &c->step_work);
    if (status != OK)
        return status;
    char duration[32];
    format_duration(duration, sizeof duration, seconds * (double)c->n_steps);
    log_info(log, "steps    %" PRId64 " of %" PRId64 " images: %" PRId64 " epochs", c->n_steps,
             c->step_images, s->config->epochs);
    log_info(log, "time     about %s: %.2g s and %.3g GFLOP a step", duration, seconds,
             (c->step_work.products + c->step_work.attention) * 1e-9);
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
    return OK;
}
