/*
 * A linear probe on frozen image features: multinomial logistic regression (Radford et al., ICML 2021), with C as
 * given or by CoOp's search on validation pictures. Features are not normalized.
 */
#include <math.h>
#include <stdlib.h>

#include "prompt/methods/fit.h"
#include "prompt/methods/logistic.h"
#include "prompt/methods/parts.h"

static int create(struct method *m, const struct method_init *init)
{
    const int64_t K = init->n_train_classes, d = m->clip->dims.embed_dim;
    int status = method_add_zeros(m, "weight", SHAPE(K, d));
    return status == OK ? method_add_zeros(m, "bias", SHAPE(K)) : status;
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    const struct class_texts *classes = in->classes;
    struct initial_features initial;
    if (method_begins_by_clip(out, &initial, s, m, in))
        return;
    tensor *weight = method_class_rows(s, m, "weight", classes),
           *bias = method_class_rows(s, m, "bias", classes);
    out->logits[1] = t_linear(s, t_to(s, initial.x, t_dtype(weight)), weight, bias);
}

/* ---------------------------------------------------------------- C */

/* A solution and its accuracy on the validation pictures. */
struct candidate {
    double c, accuracy, gradient;
    double *parameters; /* [K,d+1], owned */
};

struct search {
    scope *scope;
    const struct fit_data *data;
    struct logistic_data rows;
    const tensor *val; /* [n_val,d+1], the last column is 1; NULL: none */
};

static int solve(struct candidate *out, const struct search *x, double c)
{
    *out = (struct candidate){.c = c};
    int status = logistic_fit(&out->parameters, &out->gradient, x->scope, &x->rows, c);
    if (status != OK || !x->val)
        return status;
    scope *s = scope_open(x->scope, SCOPE_GRAD_OFF);
    tensor *w = t_from_memory(s, out->parameters, DTYPE_F64, SHAPE(x->rows.n_classes, t_size(x->val, 1)));
    out->accuracy =
        fit_accuracy_of(s, t_linear(s, x->val, t_to_device(s, w, x->rows.device), NULL), x->data->val_labels);
    return scope_close(s);
}

/* Takes over `other`. */
static void replace(struct candidate *c, struct candidate *other)
{
    free(c->parameters);
    *c = *other;
    *other = (struct candidate){0};
}

/* The first of the best of seven powers of ten. */
static int search_widely(struct candidate *best, const struct search *x)
{
    static const double values[] = {1e6, 1e4, 1e2, 1.0, 1e-2, 1e-4, 1e-6};
    int status = OK;
    for (size_t i = 0; status == OK && i < sizeof values / sizeof values[0]; i++) {
        struct candidate c;
        status = solve(&c, x, values[i]);
        if (status == OK && (i == 0 || c.accuracy > best->accuracy))
            replace(best, &c);
        free(c.parameters);
    }
    return status;
}

/* Eight rounds between a tenth and ten times the best: the worse side moves to the geometric mean of both; of
 * equals the left one, of the smaller C, is kept. The side that the last round keeps is the answer. */
static int search_closely(struct candidate *best, const struct search *x)
{
    enum { N_ROUNDS = 8 };
    struct candidate left = {0}, right = {0};
    int status = solve(&left, x, 0.1 * best->c);
    if (status == OK)
        status = solve(&right, x, 10.0 * best->c);
    for (int i = 1; status == OK && i < N_ROUNDS; i++) {
        struct candidate middle;
        status = solve(&middle, x, sqrt(left.c * right.c));
        replace(left.accuracy < right.accuracy ? &left : &right, &middle);
    }
    replace(best, left.accuracy < right.accuracy ? &right : &left);
    free(left.parameters);
    free(right.parameters);
    return status;
}

/* ---------------------------------------------------------------- the fit */

static int keep(struct method *m, scope *s, const struct candidate *c)
{
    tensor *weight = params_find(&m->trained, "weight"), *bias = params_find(&m->trained, "bias");
    const int64_t K = t_size(weight, 0), d = t_size(weight, 1);
    tensor *all = t_from_memory(s, c->parameters, DTYPE_F64, SHAPE(K, d + 1));
    t_copy_(s, weight, t_narrow(s, all, 1, 0, d));
    t_copy_(s, bias, t_select(s, all, 1, d));
    return scope_status(s);
}

/* Features [n,d] with a column of ones, [n,d+1]. */
static tensor *with_ones(scope *s, const float *features, int64_t n, int64_t d, struct device device)
{
    tensor *x = t_from_f32(s, features, SHAPE(n, d), DTYPE_F64, device);
    return t_cat(s, TENSORS(x, t_full(s, SHAPE(n, 1), 1.0, DTYPE_F64, device)), 1);
}

static int fit(struct fit_report *out, struct method *m, const struct fit_data *data)
{
    const double c = m->options.linear_probe_c;
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    int64_t *labels = fit_row_labels(data);
    const struct device device = m->clip->device;
    const tensor *weight = params_find(&m->trained, "weight");
    const int64_t n = data->n_views * data->n, d = t_size(weight, 1);
    struct search x = {
        .scope = s, .data = data, .rows = {data->features, labels, n, d, t_size(weight, 0), device}};
    if (data->n_val > 0)
        x.val = with_ones(s, data->val_features, data->n_val, d, device);
    struct candidate best = {0};
    int status = labels ? scope_status(s) : ERR_MEMORY;
    if (status == OK && c > 0.0)
        status = solve(&best, &x, c);
    else if (status == OK && (status = search_widely(&best, &x)) == OK)
        status = search_closely(&best, &x);
    if (status == OK && (status = keep(m, s, &best)) == OK) {
        fit_report_add(out, "C", best.c);
        fit_report_add(out, "gradient", best.gradient);
        if (best.gradient > LOGISTIC_GRADIENT)
            out->warning = "the logistic regression ended before its minimum: its gradient is above 1e-5";
        if (data->n_val > 0)
            fit_report_add(out, "validation_accuracy", best.accuracy);
    }
    free(best.parameters);
    free(labels);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

static const char *needs_validation(const struct method_options *o)
{
    return o->linear_probe_c == 0.0 ? "linear_probe.inverse_penalty, for CLIP's authors 0.316" : NULL;
}

const struct method_ops method_linear_probe = {.create = create,
                                               .forward = forward,
                                               .fit = fit,
                                               .unknown_classes = UNKNOWN_CLASSES_ALONE,
                                               .needs_validation = needs_validation};
