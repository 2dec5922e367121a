/* The average over epochs. */
#include "prompt/nn/average.h"

#include <math.h>

/* -u^2 / 2 of an epoch. */
static double log_density(const struct average_options *o, int64_t epoch)
{
    const double u = ((double)epoch - o->mean) / o->deviation;
    return -u * u / 2.0;
}

double average_weight(const struct average_options *o, int64_t epoch)
{
    double largest = -INFINITY; /* far from the mean all densities are below the smallest number */
    for (int64_t e = 1; e <= o->n_epochs; e++)
        largest = fmax(largest, log_density(o, e));
    double sum = 0.0;
    for (int64_t e = 1; e <= o->n_epochs; e++)
        sum += exp(log_density(o, e) - largest);
    return exp(log_density(o, epoch) - largest) / sum;
}

int average_init(struct average *a, scope *run, const struct params *trained,
                 const struct average_options *options)
{
    *a = (struct average){.trained = trained, .scope = run, .options = *options};
    int status = OK;
    for (size_t i = 0; options->deviation > 0.0 && status == OK && i < trained->n; i++)
        status = params_add_zeros(&a->sums, run, &trained->items[i]);
    return status;
}

int average_add(struct average *a, int64_t epoch)
{
    scope *s = scope_open(a->scope, SCOPE_GRAD_OFF);
    const double weight = a->sums.n > 0 ? average_weight(&a->options, epoch) : 0.0;
    for (size_t i = 0; i < a->sums.n; i++) {
        tensor *trained = a->trained->items[i].value;
        t_add_scaled_(s, a->sums.items[i].value, trained, weight);
        if (epoch == a->options.n_epochs)
            t_copy_(s, trained, a->sums.items[i].value);
    }
    return scope_close(s);
}

void average_deinit(struct average *a)
{
    params_free(&a->sums);
}
