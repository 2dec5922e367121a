/* Learning rates by epoch and by step. */
#include "prompt/nn/schedule.h"

#include <math.h>
#include <stddef.h>

static const double PI = 3.14159265358979323846;

const char *const schedule_names[] = {[SCHEDULE_COSINE] = "cosine", [SCHEDULE_CONSTANT] = "constant", NULL};

double schedule_lr(const struct schedule_options *o, int64_t epoch)
{
    if (epoch <= o->warmup_epochs)
        return o->warmup_lr;
    if (o->schedule == SCHEDULE_CONSTANT)
        return o->lr;
    double done = (double)(epoch - 1 - o->warmup_epochs) / (double)o->n_epochs;
    return o->lr * (1.0 + cos(PI * done)) / 2.0;
}

double warmup_cosine_lr(double lr, int64_t step, int64_t n_warmup, int64_t n_steps)
{
    if (step <= n_warmup)
        return lr * (double)step / (double)n_warmup;
    const double done = (double)(step - n_warmup) / (double)(n_steps - n_warmup);
    return lr * (1.0 + cos(PI * done)) / 2.0;
}
