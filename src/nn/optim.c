/* SGD and the learning rate by epoch. */
#include "prompt/nn/optim.h"

#include <math.h>

double schedule_lr(const struct schedule_options *o, int64_t epoch)
{
    if (epoch <= o->warmup_epochs)
        return o->warmup_lr;
    if (o->schedule == SCHEDULE_CONSTANT)
        return o->lr;
    const double pi = 3.14159265358979323846;
    double done = (double)(epoch - 1 - o->warmup_epochs) / (double)o->n_epochs;
    return o->lr * (1.0 + cos(pi * done)) / 2.0;
}

void sgd_init(struct sgd *o, scope *run, const struct params *trained, double momentum, double weight_decay)
{
    *o = (struct sgd){
        .trained = trained, .scope = run, .momentum_factor = momentum, .weight_decay = weight_decay};
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

int sgd_step(struct sgd *o, double lr)
{
    scope *s = scope_open(o->scope, SCOPE_GRAD_OFF);
    for (size_t i = 0; scope_ok(s) && i < o->trained->n; i++) {
        const struct param *p = &o->trained->items[i];
        tensor *grad = t_grad(s, p->value);
        if (!grad && scope_ok(s))
            scope_fail(s, error_set(ERR_NUMERIC, "trained tensor '%s' has no gradient", p->name));
        t_add_scaled_(s, p->value, update_velocity(o, s, p, grad), -lr);
    }
    return scope_close(s);
}

void sgd_clear_grad(struct sgd *o)
{
    for (size_t i = 0; i < o->trained->n; i++)
        t_clear_grad(o->scope, o->trained->items[i].value);
}

void sgd_deinit(struct sgd *o)
{
    params_free(&o->momentum);
}
