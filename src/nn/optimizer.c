/* SGD or AdamW, the average over epochs, and their state in a checkpoint. */
#include "prompt/nn/optimizer.h"

#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "optimizer.";

int optimizer_init(struct optimizer *o, scope *run, const struct params *trained,
                   const struct optimizer_options *options)
{
    *o = (struct optimizer){.kind = options->kind};
    int status = average_init(&o->average, run, trained, &options->average);
    if (status != OK)
        return status;
    switch (options->kind) {
    case OPTIMIZER_SGD:
        sgd_init(&o->sgd, run, trained, options->momentum, options->weight_decay);
        return scope_status(run);
    case OPTIMIZER_ADAMW:
        return adamw_init(&o->adamw, run, trained,
                          &(struct adamw_options){.beta1 = 0.9,
                                                  .beta2 = 0.999,
                                                  .eps = 1e-8,
                                                  .weight_decay = options->weight_decay,
                                                  .decays_vectors = true});
    }
    return OK;
}

void optimizer_set(struct optimizer *o, double lr, int64_t step)
{
    switch (o->kind) {
    case OPTIMIZER_SGD:
        sgd_set(&o->sgd, lr);
        return;
    case OPTIMIZER_ADAMW:
        adamw_set(&o->adamw, lr, step);
        return;
    }
}

int optimizer_update(struct optimizer *o)
{
    switch (o->kind) {
    case OPTIMIZER_SGD:
        return sgd_update(&o->sgd);
    case OPTIMIZER_ADAMW:
        return adamw_update(&o->adamw);
    }
    return OK;
}

int optimizer_step(struct optimizer *o, double lr, int64_t step)
{
    optimizer_set(o, lr, step);
    return optimizer_update(o);
}

int optimizer_end_epoch(struct optimizer *o, int64_t epoch)
{
    return average_add(&o->average, epoch);
}

void optimizer_clear_grad(struct optimizer *o)
{
    switch (o->kind) {
    case OPTIMIZER_SGD:
        sgd_clear_grad(&o->sgd);
        return;
    case OPTIMIZER_ADAMW:
        params_clear_grad(o->adamw.scope, o->adamw.trained);
        return;
    }
}

void optimizer_deinit(struct optimizer *o)
{
    average_deinit(&o->average);
    switch (o->kind) {
    case OPTIMIZER_SGD:
        sgd_deinit(&o->sgd);
        return;
    case OPTIMIZER_ADAMW:
        adamw_deinit(&o->adamw);
        return;
    }
}

/* ---------------------------------------------------------------- state in a checkpoint */

enum { MAX_PARTS = 3 };

/* A tensor for each trained one. */
struct part {
    const char *name;
    const struct params *tensors;
};

static size_t parts_of(struct part *out, const struct optimizer *o)
{
    size_t n = 0;
    switch (o->kind) {
    case OPTIMIZER_SGD:
        out[n++] = (struct part){"momentum", &o->sgd.momentum};
        break;
    case OPTIMIZER_ADAMW:
        out[n++] = (struct part){"first", &o->adamw.first};
        out[n++] = (struct part){"second", &o->adamw.second};
        break;
    }
    out[n++] = (struct part){"average", &o->average.sums};
    return n;
}

static char *stored_name(const struct part *part, const char *name)
{
    return str_format("%s%s.%s", PREFIX, part->name, name);
}

int optimizer_collect(struct params *out, const struct optimizer *o)
{
    struct part parts[MAX_PARTS];
    const size_t n_parts = parts_of(parts, o);
    int status = OK;
    for (size_t k = 0; k < n_parts; k++)
        for (size_t i = 0; status == OK && i < parts[k].tensors->n; i++) {
            const struct param *p = &parts[k].tensors->items[i];
            char *name = stored_name(&parts[k], p->name);
            status = name ? params_add(out, name, p->value) : ERR_MEMORY;
            free(name);
        }
    return status;
}

bool optimizer_owns(const char *name)
{
    return str_starts_with(name, PREFIX);
}

/* Whether the state has a place for a stored tensor; `path` is its name without "optimizer.". */
static bool has_place(const struct part *parts, size_t n_parts, const char *path)
{
    const char *dot = strchr(path, '.');
    for (size_t k = 0; dot && k < n_parts; k++)
        if (strlen(parts[k].name) == (size_t)(dot - path) && str_starts_with(path, parts[k].name))
            return params_find(parts[k].tensors, dot + 1) != NULL;
    return false;
}

/* Velocities to copy to, if a step has been stored. */
static int open_velocities(struct sgd *o, const struct params *stored)
{
    bool has_state = false;
    for (size_t i = 0; i < stored->n; i++)
        has_state = has_state || str_starts_with(stored->items[i].name, "optimizer.momentum.");
    int status = OK;
    for (size_t i = 0; has_state && o->momentum.n < o->trained->n && status == OK; i++) {
        const struct param *p = &o->trained->items[i];
        tensor *velocity = t_clone(o->scope, t_detach(o->scope, p->value));
        status = velocity ? params_add(&o->momentum, p->name, velocity) : scope_status(o->scope);
    }
    return status;
}

static int restore_part(scope *s, const struct part *part, const struct params *stored)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < part->tensors->n; i++) {
        const struct param *p = &part->tensors->items[i];
        char *name = stored_name(part, p->name);
        const tensor *value = name ? params_find(stored, name) : NULL;
        if (!name)
            status = ERR_MEMORY;
        else if (!value)
            status = error_set(ERR_FORMAT, "tensor '%s' is missing", name);
        else if ((status = tensor_check_shape(name, value, p->value)) == OK)
            t_copy_(s, p->value, value);
        free(name);
    }
    return status;
}

int optimizer_restore(struct optimizer *o, const struct params *stored)
{
    struct part parts[MAX_PARTS];
    const size_t n_parts = parts_of(parts, o);
    int status = o->kind == OPTIMIZER_SGD ? open_velocities(&o->sgd, stored) : OK;
    for (size_t i = 0; status == OK && i < stored->n; i++) {
        const char *name = stored->items[i].name;
        if (optimizer_owns(name) && !has_place(parts, n_parts, name + sizeof PREFIX - 1))
            status = error_set(ERR_FORMAT, "tensor '%s' does not belong to a trained tensor", name);
    }
    scope *s = scope_open(o->kind == OPTIMIZER_SGD ? o->sgd.scope : o->adamw.scope, SCOPE_GRAD_OFF);
    for (size_t k = 0; status == OK && k < n_parts; k++)
        status = restore_part(s, &parts[k], stored);
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}
