/* Learning rates by epoch and by step. */
#include "prompt/nn/schedule.h"

#include <math.h>
#include <stddef.h>

static const double PI = 3.14159265358979323846;

const char *const optimizer_kind_names[] = {[OPTIMIZER_SGD] = "sgd", [OPTIMIZER_ADAMW] = "adamw", NULL};
const char *const schedule_names[] = {[SCHEDULE_COSINE] = "cosine",
                                      [SCHEDULE_CONSTANT] = "constant",
                                      [SCHEDULE_COSINE_STEP] = "cosine_step",
                                      NULL};

/* From 1 at 0 down to 0 at 1. */
static double half_cosine(double done)
{
    return (1.0 + cos(PI * done)) / 2.0;
}

double schedule_lr(const struct schedule_options *o, int64_t epoch, int64_t step)
{
    if (epoch <= o->warmup_epochs)
        return o->warmup_lr;
    switch (o->schedule) {
    case SCHEDULE_COSINE:
        return o->lr * half_cosine((double)(epoch - 1 - o->warmup_epochs) / (double)o->n_epochs);
    case SCHEDULE_CONSTANT:
        return o->lr;
    case SCHEDULE_COSINE_STEP:
        return o->min_lr + (o->lr - o->min_lr) * half_cosine((double)(step - 1) / (double)o->n_steps);
    }
    return o->lr;
}

double warmup_cosine_lr(double lr, int64_t step, int64_t n_warmup, int64_t n_steps)
{
    if (step <= n_warmup)
        return lr * (double)step / (double)n_warmup;
    const double done = (double)(step - n_warmup) / (double)(n_steps - n_warmup);
    return lr * half_cosine(done);
}
