/* The plan of a step's memory. */
#include "prompt/run/cost.h"

#include <inttypes.h>
#include <stdlib.h>

#include "prompt/base/process.h"
#include "prompt/base/share.h"

static const double GIB = 1024.0 * 1024.0 * 1024.0;
static const double MIB = 1024.0 * 1024.0;
static const double FREE_SHARE = 0.85; /* of the free memory, without a key */
/* Code that the first step loads, libraries' buffers, the heap's reserve: measured 38 MiB, tiny model. */
static const double FIRST_STEP_BYTES = 64.0 * 1024.0 * 1024.0;

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* Free memory is in addition to the process's own, and for all ranks of the host. */
static double budget_bytes(const struct session *s, double resident_bytes)
{
    const double key = (double)s->config->memory_budget_mib * MIB;
    const double free_bytes = (double)device_free_bytes(s->device);
    const double share = FREE_SHARE / (double)ranks_local_size(s->ranks);
    return key > 0.0 ? key : free_bytes > 0.0 ? resident_bytes + share * free_bytes : 0.0;
}

/* Sets a key that is left to the program, 0, to `value`. */
static int settle(struct config *c, const char *key, int64_t now, double value)
{
    if (now != 0)
        return OK;
    char *text = str_format("%" PRId64, value > 1.0 ? (int64_t)value : 1);
    int status = text ? config_set_key(c, key, text) : ERR_MEMORY;
    free(text);
    return status;
}

int cost_take_share(struct config *c, int64_t n_cores, int64_t n_runs)
{
    struct device device;
    const double cores = (double)n_cores;
    int status = OK;
    if ((status = device_parse(&device, c->device)) == OK &&
        (status = settle(c, "threads", c->threads, cores)) == OK)
        status = settle(c, "data.workers", c->data_workers, cores);
    const double free_bytes = status == OK ? (double)device_free_bytes(device) : 0.0;
    if (free_bytes > 0.0)
        status = settle(c, "memory_budget_mib", c->memory_budget_mib,
                        FREE_SHARE * free_bytes / (double)n_runs / MIB);
    return status;
}

/* The memory of a step besides the model and the tensors kept for its backward. */
static double step_bytes(const struct session *s, const struct method *m, struct class_list *classes,
                         const struct method_passes *p, int64_t B)
{
    /* Z of a pass: from the tower, normalized, filtered, in the order of the classes, and their gradients */
    enum { COPIES_OF_FEATURES = 8, COPIES_OF_TRAINED = 3 /* gradient, velocity, update */ };
    enum { COPIES_OF_ROWS = 5 /* whole texts: tokens, with vectors, without autograd, and two gradients */ };
    /* of the term that compares Z with the teacher's: both normalized, their difference, and gradients */
    enum { COPIES_OF_AGREEMENT = 8 };
    const struct clip *c = s->clip;
    const struct token_rows *texts = &classes->prompts;
    const double copies =
        COPIES_OF_FEATURES + (m->options.regularization.text_weight > 0.0 ? COPIES_OF_AGREEMENT : 0);
    const double rows =
        texts->n_learned > 0 ? (double)(texts->n * texts->n_tokens * c->dims.text.width) : 0.0;
    const double features = (double)(p->n_text * p->n_prefixes * classes->n * c->dims.embed_dim);
    const double values =
        copies * features + COPIES_OF_TRAINED * (double)params_numel(&m->trained) + COPIES_OF_ROWS * rows;
    return values * (double)dtype_size(c->dtypes.accum) +
           clip_layer_bytes(c, class_texts_own(&classes->texts), p->n_text > 0 ? p->n_prefixes : 0, B,
                            p->n_prompts);
}

/* Shares the room between the tensors that the text side keeps and decoded images, in this order. */
static void share_room(struct cost *c, struct class_list *classes, const struct clip *clip,
                       const struct method_passes *p, double cache_bytes)
{
    struct class_texts *texts = class_texts_own(&classes->texts);
    const double room = larger(c->budget_bytes - c->weights_bytes - c->image_bytes - c->rest_bytes, 0.0);
    if (c->budget_bytes > 0.0 && room < c->text_full_bytes && clip->fast) {
        /* a chunk that is computed again is there besides those that are kept */
        const double again_bytes = clip_text_chunk_bytes(clip, texts, p->n_prefixes);
        c->rest_bytes += again_bytes;
        c->text_bytes = larger(room - again_bytes, 0.0);
        texts->keep_bytes = c->text_bytes / (double)p->n_text;
    }
    c->cache_bytes =
        c->budget_bytes > 0.0 ? smaller(cache_bytes, larger(room - c->text_full_bytes, 0.0)) : cache_bytes;
}

struct cost cost_plan(const struct session *s, const struct method *m, struct class_list *classes,
                      const struct cost_options *o)
{
    const int64_t whole = o->n_images < o->batch_size ? o->n_images : o->batch_size;
    const int64_t B = share_of(whole, 0, o->n_parts > 0 ? o->n_parts : 1).n;
    const double resident_bytes =
        s->device.kind == DEVICE_CPU ? (double)process_resident_bytes() : 0.0; /* the device's budget */
    const struct method_passes p = method_passes(m, B, classes->n);
    struct class_texts *texts = class_texts_own(&classes->texts);
    struct cost c = {
        .n_trained = params_numel(&m->trained),
        .n_steps = o->n_steps,
        .n_epochs = o->n_epochs,
        .step_images = whole,
        .weights_bytes =
            clip_model_bytes(s->clip, s->weights) + (p.trains_norms ? clip_bare_bytes(s->clip) : 0.0),
        .text_full_bytes = (double)p.n_text * clip_text_kept_bytes(s->clip, texts, p.n_prefixes),
        .image_bytes = (double)p.n_image * clip_image_kept_bytes(s->clip, B, p.n_prompts),
        .budget_bytes = budget_bytes(s, resident_bytes),
    };
    c.text_bytes = c.text_full_bytes;
    c.rest_bytes = larger(resident_bytes - c.weights_bytes, 0.0) + FIRST_STEP_BYTES +
                   step_bytes(s, m, classes, &p, B) +
                   (o->loader ? (double)loader_batch_bytes(o->loader) : 0.0);
    share_room(&c, classes, s->clip, &p, (double)s->config->data_cache_mib * MIB);
    if (o->loader)
        loader_limit_cache(o->loader, (size_t)c.cache_bytes);
    return c;
}

void cost_print(struct log *log, const struct cost *c, const struct method *m)
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
    if (!method_is_fitted(m->options.kind))
        log_info(log, "steps    %" PRId64 " of %" PRId64 " %s: %" PRId64 " %s", c->n_steps, c->step_images,
                 plural((size_t)c->step_images, "image", "images"), c->n_epochs,
                 plural((size_t)c->n_epochs, "epoch", "epochs"));
    const double total = c->weights_bytes + c->text_bytes + c->image_bytes + c->rest_bytes;
    char budget[64] = "", again[64] = "";
    if (c->budget_bytes > 0)
        snprintf(budget, sizeof budget, "; the budget is %.1f GiB", c->budget_bytes / GIB);
    if (c->text_bytes < c->text_full_bytes)
        snprintf(again, sizeof again, " (%.0f %% of it computed again)",
                 100.0 * (1.0 - c->text_bytes / c->text_full_bytes));
    log_info(log, "memory   about %.2f GiB: model %.2f, text side %.2f%s, image side %.2f, the rest %.2f%s",
             total / GIB, c->weights_bytes / GIB, c->text_bytes / GIB, again, c->image_bytes / GIB,
             c->rest_bytes / GIB, budget);
    if (c->budget_bytes > 0 && total > c->budget_bytes)
        log_warning(
            log, "this is more than the budget; a smaller training.batch_size or fewer iterations need less");
}
