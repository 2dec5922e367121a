/*
 * Multinomial logistic regression by libLBFGS.
 *
 * Features have a large part in common, to which W and b answer alike, which makes L-BFGS slow. So it solves for
 * features minus their mean, x - u: the same minimum, with b + W u instead of b, in a third of the evaluations.
 * In fp64: rounded to fp32, line searches would end before the gradient is small.
 */
#include "prompt/methods/logistic.h"

#include <lbfgs.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/interrupt.h"
#include "prompt/methods/fit.h"

/* The objective is divided by C N, as scikit-learn's is: mean cross-entropy + |W|^2 / (2 C N). */
struct problem {
    scope *scope;
    struct device device;
    const tensor *x;       /* x - u, [N,d+1], the last column is 1 */
    const tensor *labels;  /* [N] */
    const tensor *targets; /* [N,K], one-hot */
    int64_t n_classes;     /* K */
    int64_t width;         /* d+1 */
    double penalty;        /* 1 / (C N) */
    double gradient;       /* its largest entry at the last point */
    int status;            /* the first failure */
};

/* Cross-entropy and its gradient at the parameters [K,d+1]. */
static int evaluate_data(double *value, double *gradient, const struct problem *p, const double *parameters)
{
    const int64_t K = p->n_classes, N = t_size(p->x, 0);
    scope *s = scope_open(p->scope, SCOPE_GRAD_OFF);
    tensor *w = t_to_device(s, t_from_memory(s, parameters, DTYPE_F64, SHAPE(K, p->width)), p->device);
    tensor *logits = t_linear(s, p->x, w, NULL);
    tensor *errors = t_scale(s, t_sub(s, t_softmax(s, logits, -1), p->targets), 1.0 / (double)N);
    tensor *g = t_matmul(s, t_transpose(s, errors, 0, 1), p->x);
    int status = t_item_f64(value, s, t_cross_entropy(s, logits, p->labels));
    if (status == OK)
        status = t_read_f64(gradient, (size_t)(K * p->width), s, g);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

static double largest_entry(const double *g, int n)
{
    double largest = 0.0;
    for (int i = 0; i < n; i++)
        largest = fmax(largest, fabs(g[i]));
    return largest;
}

/* Value and gradient for libLBFGS, which ends at a gradient of 0. */
static lbfgsfloatval_t evaluate(void *instance, const lbfgsfloatval_t *x, lbfgsfloatval_t *g, int n,
                                lbfgsfloatval_t step)
{
    struct problem *p = instance;
    double value = 0.0;
    (void)step;
    if (p->status == OK)
        p->status = evaluate_data(&value, g, p, x);
    if (p->status == OK && !isfinite(value))
        p->status = error_set(ERR_NUMERIC, "the objective of the logistic regression is not finite");
    if (p->status != OK) {
        memset(g, 0, (size_t)n * sizeof *g);
        return 0.0;
    }
    for (int64_t k = 0; k < p->n_classes; k++)
        for (int64_t j = k * p->width; j < (k + 1) * p->width - 1; j++) {
            value += 0.5 * p->penalty * x[j] * x[j];
            g[j] += p->penalty * x[j];
        }
    if (!isfinite(p->gradient)) /* of the start, which stays if the first line search fails */
        p->gradient = largest_entry(g, n);
    return value;
}

/* Ends the search, by another result than 0, when no entry of the gradient is larger than LOGISTIC_GRADIENT. */
static int is_enough(void *instance, const lbfgsfloatval_t *x, const lbfgsfloatval_t *g,
                     const lbfgsfloatval_t value, const lbfgsfloatval_t x_norm, const lbfgsfloatval_t g_norm,
                     const lbfgsfloatval_t step, int n, int k, int n_evaluations)
{
    struct problem *p = instance;
    (void)x, (void)value, (void)x_norm, (void)g_norm, (void)step, (void)k, (void)n_evaluations;
    if (p->status == OK && interrupt_requested())
        p->status = interrupt_check_begin();
    p->gradient = largest_entry(g, n);
    return p->status != OK || p->gradient <= LOGISTIC_GRADIENT;
}

/* A build of libLBFGS with SSE takes multiples of 8; the others have a gradient of 0. */
static int minimize(double *parameters, struct problem *p)
{
    enum { MULTIPLE = 8 };
    const int64_t n = p->n_classes * p->width, n_padded = (n + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
    lbfgs_parameter_t settings;
    lbfgs_parameter_init(&settings);
    settings.m = 10;
    settings.epsilon = 0.0; /* is_enough decides */
    settings.max_iterations = 1000;
    settings.max_linesearch = 50;
    /* its default, of More and Thuente, gave up far from the minimum in our tests */
    settings.linesearch = LBFGS_LINESEARCH_BACKTRACKING_WOLFE;
    lbfgsfloatval_t *x = lbfgs_malloc((int)n_padded); /* zeros */
    if (!x)
        return error_out_of_memory();
    /* a line search that finds nothing better, for rounding, leaves the best point */
    const int result = lbfgs((int)n_padded, x, NULL, evaluate, is_enough, p, &settings);
    memcpy(parameters, x, (size_t)n * sizeof *parameters);
    lbfgs_free(x);
    return p->status == OK && result == LBFGSERR_OUTOFMEMORY ? error_out_of_memory() : p->status;
}

/* b of the features as they are: b' - W u. */
static void shift_bias(double *parameters, const double *mean, int64_t n_classes, int64_t width)
{
    for (int64_t k = 0; k < n_classes; k++) {
        double *row = parameters + k * width;
        for (int64_t j = 0; j < width - 1; j++)
            row[width - 1] -= row[j] * mean[j];
    }
}

static int solve(double *parameters, double *gradient, double *mean, scope *s,
                 const struct logistic_data *data, double c)
{
    const int64_t N = data->n, d = data->d, K = data->n_classes;
    const struct device device = data->device;
    tensor *x = t_from_f32(s, data->x, SHAPE(N, d), DTYPE_F64, device);
    tensor *u = t_matmul(s, t_full(s, SHAPE(1, N), 1.0 / (double)N, DTYPE_F64, device), x);
    struct problem p = {
        .scope = s,
        .device = device,
        .x = t_cat(s, TENSORS(t_sub(s, x, u), t_full(s, SHAPE(N, 1), 1.0, DTYPE_F64, device)), 1),
        .labels = t_from_i64(s, data->labels, SHAPE(N), device),
        .targets = fit_one_hot(s, data->labels, N, K, DTYPE_F64, device),
        .n_classes = K,
        .width = d + 1,
        .penalty = 1.0 / (c * (double)N),
        .gradient = INFINITY, /* until the first evaluation */
    };
    int status = t_read_f64(mean, (size_t)d, s, u);
    if (status == OK && (status = scope_status(s)) == OK)
        status = minimize(parameters, &p);
    *gradient = p.gradient;
    if (status == OK)
        shift_bias(parameters, mean, K, d + 1);
    return status;
}

int logistic_fit(double **out, double *gradient, scope *parent, const struct logistic_data *data, double c)
{
    scope *s = scope_open(parent, SCOPE_GRAD_OFF);
    double *mean = malloc((size_t)data->d * sizeof *mean);
    *out = calloc((size_t)(data->n_classes * (data->d + 1)), sizeof **out);
    int status = *out && mean ? solve(*out, gradient, mean, s, data, c) : error_out_of_memory();
    free(mean);
    if (status != OK) {
        free(*out);
        *out = NULL;
    }
    int closed = scope_close(s);
    return status == OK ? closed : status;
}
