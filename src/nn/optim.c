/* SGD and AdamW. */
#include "prompt/nn/optim.h"

#include <math.h>

#include <stdlib.h>

/* A number that changes from step to step, beside the trained tensors; NULL, which nothing reads, without any. */
static tensor *open_number(scope *run, const struct params *trained)
{
    return trained->n > 0 ? t_zeros(run, NULL, 0, DTYPE_F64, t_device(trained->items[0].value)) : NULL;
}

static void set_number(scope *s, tensor *number, double value)
{
    if (number)
        t_fill_(s, number, value);
}

/* ---------------------------------------------------------------- SGD */

void sgd_init(struct sgd *o, scope *run, const struct params *trained, double momentum, double weight_decay)
{
    *o = (struct sgd){.trained = trained,
                      .scope = run,
                      .rate = open_number(run, trained),
                      .momentum_factor = momentum,
                      .weight_decay = weight_decay};
}

/* The velocity of a tensor after this step, created from its gradient at the first one. */
static tensor *update_velocity(struct sgd *o, scope *s, const struct param *p, const tensor *grad)
{
    tensor *step = t_clone(s, grad);
    if (o->weight_decay != 0.0)
        t_add_scaled_(s, step, p->value, o->weight_decay);
    if (o->momentum_factor == 0.0)
        return step;
    tensor *velocity = params_find(&o->momentum, p->name);
    if (velocity) {
        t_scale_(s, velocity, o->momentum_factor);
        t_add_scaled_(s, velocity, step, 1.0);
        return velocity;
    }
    velocity = scope_share(o->scope, step);
    int status = velocity ? params_add(&o->momentum, p->name, velocity) : scope_status(o->scope);
    if (status != OK)
        scope_fail(s, status);
    return velocity;
}

void sgd_set(struct sgd *o, double lr)
{
    set_number(o->scope, o->rate, -lr);
}

int sgd_update(struct sgd *o)
{
    scope *s = scope_open(o->scope, SCOPE_GRAD_OFF);
    for (size_t i = 0; scope_ok(s) && i < o->trained->n; i++) {
        const struct param *p = &o->trained->items[i];
        tensor *grad = t_grad(s, p->value);
        if (!grad && scope_ok(s))
            scope_fail(s, error_set(ERR_NUMERIC, "trained tensor '%s' has no gradient", p->name));
        t_add_scaled_by_(s, p->value, update_velocity(o, s, p, grad), o->rate);
    }
    return scope_close(s);
}

int sgd_step(struct sgd *o, double lr)
{
    sgd_set(o, lr);
    return sgd_update(o);
}

void sgd_clear_grad(struct sgd *o)
{
    params_clear_grad(o->scope, o->trained);
}

void sgd_deinit(struct sgd *o)
{
    params_free(&o->momentum);
}

/* ---------------------------------------------------------------- AdamW */

int adamw_init(struct adamw *o, scope *run, const struct params *trained, const struct adamw_options *options)
{
    *o = (struct adamw){.trained = trained,
                        .scope = run,
                        .rate = open_number(run, trained),
                        .step = open_number(run, trained),
                        .options = *options};
    int status = scope_status(run);
    for (size_t i = 0; status == OK && i < trained->n; i++) {
        status = params_add_zeros(&o->first, run, &trained->items[i]);
        if (status == OK)
            status = params_add_zeros(&o->second, run, &trained->items[i]);
    }
    return status;
}

/* Tensors updated together, with the same weight decay. */
struct adamw_group {
    tensor **w, **first, **second;
    const tensor **grads;
    size_t n;
};

static void add_to_group(struct adamw_group *g, scope *s, const struct adamw *o, size_t i)
{
    const struct param *p = &o->trained->items[i];
    const tensor *grad = t_grad(s, p->value);
    if (!grad && scope_ok(s))
        scope_fail(s, error_set(ERR_NUMERIC, "trained tensor '%s' has no gradient", p->name));
    g->w[g->n] = p->value;
    g->grads[g->n] = grad;
    g->first[g->n] = o->first.items[i].value;
    g->second[g->n] = o->second.items[i].value;
    g->n++;
}

static bool does_decay(const struct adamw *o, size_t i)
{
    return o->options.decays_vectors || t_dim(o->trained->items[i].value) >= 2;
}

void adamw_set(struct adamw *o, double lr, int64_t step)
{
    set_number(o->scope, o->rate, lr);
    set_number(o->scope, o->step, (double)step);
}

int adamw_update(struct adamw *o)
{
    scope *s = scope_open(o->scope, SCOPE_GRAD_OFF);
    const size_t n = o->trained->n;
    tensor **memory = calloc(3 * n + 1, sizeof *memory);
    const tensor **grads = calloc(n + 1, sizeof *grads);
    if (!memory || !grads)
        scope_fail(s, error_out_of_memory());
    for (int decays = 0; decays < 2 && scope_ok(s); decays++) {
        struct adamw_group g = {.w = memory, .first = memory + n, .second = memory + 2 * n, .grads = grads};
        for (size_t i = 0; i < n; i++)
            if (does_decay(o, i) == decays)
                add_to_group(&g, s, o, i);
        const struct adamw_numbers numbers = {.lr = o->rate,
                                              .step = o->step,
                                              .beta1 = o->options.beta1,
                                              .beta2 = o->options.beta2,
                                              .weight_decay = decays ? o->options.weight_decay : 0.0,
                                              .eps = o->options.eps};
        if (g.n > 0)
            t_adamw_(s, g.w, g.grads, g.first, g.second, g.n, numbers);
    }
    free(memory);
    free(grads);
    return scope_close(s);
}

int adamw_step(struct adamw *o, double lr, int64_t step)
{
    adamw_set(o, lr, step);
    return adamw_update(o);
}

void adamw_deinit(struct adamw *o)
{
    params_free(&o->first);
    params_free(&o->second);
}

/* ---------------------------------------------------------------- gradients of all trained tensors */

void params_clear_grad(scope *s, const struct params *trained)
{
    for (size_t i = 0; i < trained->n; i++)
        t_clear_grad(s, trained->items[i].value);
}

int params_clip_grad(double *norm, scope *outer, const struct params *trained, double max_norm)
{
    scope *s = scope_open(outer, SCOPE_GRAD_OFF);
    tensor *squares = NULL;
    for (size_t i = 0; i < trained->n; i++) {
        const tensor *grad = t_grad(s, trained->items[i].value);
        if (!grad)
            continue; /* the optimizer reports it */
        tensor *square = t_sum(s, t_mul(s, grad, grad));
        squares = squares ? t_add(s, squares, square) : square;
    }
    *norm = 0.0;
    int status = squares ? t_item_f64(norm, s, squares) : scope_status(s);
    *norm = sqrt(*norm);
    for (size_t i = 0; status == OK && isfinite(*norm) && *norm > max_norm && i < trained->n; i++) {
        tensor *grad = t_grad(s, trained->items[i].value);
        if (grad)
            t_scale_(s, grad, max_norm / *norm);
    }
    int closed = scope_close(s);
    return status == OK ? closed : status;
}
