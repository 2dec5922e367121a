/*
 * LP++ (Huang et al., CVPR 2024): a linear probe on normalized features to which each class adds its caption's
 * cosine, weighted by alpha_k:
 *   z_ik = w_k f_i + b_k + alpha_k f_i t_k,   |f_i| = |t_k| = 1
 * Step sizes are bounds from the data, so that no rate is chosen; as in the authors' code.
 */
#include <math.h>
#include <stdlib.h>

#include "prompt/base/interrupt.h"
#include "prompt/methods/fit.h"
#include "prompt/methods/parts.h"
#include "prompt/nn/eigenvalue.h"

static const enum dtype DTYPE = DTYPE_F32; /* of the fit */

static int create(struct method *m, const struct method_init *init)
{
    const int64_t K = init->n_train_classes, d = m->clip->dims.embed_dim;
    int status = OK;
    if ((status = method_add_zeros(m, "weight", SHAPE(K, d))) == OK &&
        (status = method_add_uniform(m, init->seed, "bias", 1.0 / sqrt((double)d), SHAPE(K))) == OK)
        status = method_add_zeros(m, "alpha", SHAPE(K));
    return status;
}

/* z, [n,K]: of features f [n,d] and their cosines with captions [n,K]. */
static tensor *logits_of(scope *s, const tensor *f, const tensor *cosines, const tensor *weight,
                         const tensor *bias, const tensor *alpha)
{
    return t_add(s, t_linear(s, f, weight, bias), t_mul(s, cosines, alpha));
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    const struct class_texts *classes = in->classes;
    struct initial_features initial;
    if (method_begins_by_clip(out, &initial, s, m, in))
        return;
    tensor *f = t_normalize(s, t_to(s, initial.x, m->clip->dtypes.accum), -1);
    tensor *cosines = t_linear(s, f, fit_captions(s, classes->caption_features, m->clip->dtypes.accum), NULL);
    out->logits[1] =
        logits_of(s, f, cosines, method_class_rows(s, m, "weight", classes),
                  method_class_rows(s, m, "bias", classes), method_class_rows(s, m, "alpha", classes));
}

/* ---------------------------------------------------------------- the data of a fit */

struct rows {
    int64_t n;
    const int64_t *labels; /* [n] */
    const tensor *f;       /* [n,d], of length 1 */
    const tensor *cosines; /* [n,K] */
};

static struct rows make_rows(scope *s, const float *features, const int64_t *labels, int64_t n,
                             const tensor *captions, struct device device)
{
    const tensor *x = t_from_f32(s, features, SHAPE(n, t_size(captions, 1)), DTYPE, device);
    const tensor *f = t_normalize(s, x, -1);
    return (struct rows){n, labels, f, t_linear(s, f, captions, NULL)};
}

/* What moves, and how. */
struct state {
    const struct rows *rows;
    const tensor *one_hot;                   /* of the labels, [N,K] */
    const tensor *ones;                      /* [1,N] */
    tensor *weight, *bias, *alpha;           /* [K,d], [K], [K] */
    tensor *weight_velocity, *bias_velocity; /* of SGD with momentum */
    tensor *alpha_gradient;                  /* the sum of the gradients of all iterations */
    double weight_rate, alpha_rate;
};

/* ---------------------------------------------------------------- start and step sizes */

/* 250 times the mean over classes of the mean cosine of a class's features with its caption. */
static int start_alpha(double *out, scope *s, const struct state *x)
{
    const int64_t K = t_size(x->alpha, 0);
    double *sums = malloc((size_t)K * sizeof *sums), *counts = malloc((size_t)K * sizeof *counts);
    double total = 0.0, n_present = 0.0;
    int status = sums && counts ? OK : error_out_of_memory();
    if (status == OK &&
        (status = t_read_f64(sums, (size_t)K, s,
                             t_matmul(s, x->ones, t_mul(s, x->one_hot, x->rows->cosines)))) == OK)
        status = t_read_f64(counts, (size_t)K, s, t_matmul(s, x->ones, x->one_hot));
    for (int64_t k = 0; status == OK && k < K; k++) {
        total += counts[k] > 0.0 ? sums[k] / counts[k] : 0.0;
        n_present += counts[k] > 0.0;
    }
    free(sums);
    free(counts);
    *out = 250.0 * total / n_present;
    return status;
}

/* 4 N / lambda_max(F^T F) */
static int weight_rate(double *out, scope *s, const struct rows *r)
{
    const size_t d = (size_t)t_size(r->f, 1);
    double *gram = malloc(d * d * sizeof *gram), largest = 0.0;
    int status = gram ? t_read_f64(gram, d * d, s, t_matmul(s, t_transpose(s, r->f, 0, 1), r->f))
                      : error_out_of_memory();
    if (status == OK)
        status = largest_eigenvalue(&largest, gram, (int64_t)d);
    free(gram);
    *out = 4.0 * (double)r->n / largest;
    return status;
}

/* N / (4 max_k sum_i (f_i t_k)^2) */
static int alpha_rate(double *out, scope *s, const struct state *x)
{
    const struct rows *r = x->rows;
    double largest = 0.0;
    int status = t_item_f64(&largest, s, t_max(s, t_matmul(s, x->ones, t_mul(s, r->cosines, r->cosines))));
    *out = (double)r->n / (4.0 * largest);
    return status;
}

/* The start of w_k is the sum of the features of class k; that of b is the method's. */
static int start(struct state *x, scope *s, const struct method *m, const struct rows *r)
{
    const struct device device = m->clip->device;
    const tensor *bias = params_find(&m->trained, "bias");
    const int64_t K = t_size(bias, 0), d = t_size(r->f, 1);
    double alpha = 0.0;
    *x = (struct state){.rows = r,
                        .one_hot = fit_one_hot(s, r->labels, r->n, K, DTYPE, device),
                        .ones = t_full(s, SHAPE(1, r->n), 1.0, DTYPE, device),
                        .bias = t_clone(s, t_to(s, bias, DTYPE)),
                        .alpha = t_zeros(s, SHAPE(K), DTYPE, device),
                        .weight_velocity = t_zeros(s, SHAPE(K, d), DTYPE, device),
                        .bias_velocity = t_zeros(s, SHAPE(K), DTYPE, device),
                        .alpha_gradient = t_zeros(s, SHAPE(K), DTYPE, device)};
    x->weight = t_matmul(s, t_transpose(s, x->one_hot, 0, 1), r->f);
    int status = OK;
    if ((status = start_alpha(&alpha, s, x)) == OK && (status = weight_rate(&x->weight_rate, s, r)) == OK)
        status = alpha_rate(&x->alpha_rate, s, x);
    t_add_scaled_(s, x->alpha, t_full(s, SHAPE(K), 1.0, DTYPE, device), alpha);
    return status == OK ? scope_status(s) : status;
}

/* ---------------------------------------------------------------- iterations */

static void move(scope *s, tensor *value, tensor *velocity, const tensor *gradient, double rate)
{
    static const double MOMENTUM = 0.9;
    t_scale_(s, velocity, MOMENTUM);
    t_add_scaled_(s, velocity, gradient, 1.0);
    t_add_scaled_(s, value, velocity, -rate);
}

/*
 * Iteration `i`, from 1, of mean cross-entropy over all rows. Every tenth also moves alpha, by all gradients so far:
 * the authors' code never clears them (the paper has fresh ones).
 */
static void iterate(struct state *x, scope *parent, int64_t i)
{
    enum { ALPHA_PERIOD = 10 };
    const struct rows *r = x->rows;
    const int64_t K = t_size(x->bias, 0);
    scope *s = scope_open(parent, SCOPE_GRAD_OFF);
    tensor *p = t_softmax(s, logits_of(s, r->f, r->cosines, x->weight, x->bias, x->alpha), -1);
    tensor *g = t_scale(s, t_sub(s, p, x->one_hot), 1.0 / (double)r->n); /* in the logits, [N,K] */
    tensor *bias_gradient = t_reshape(s, t_matmul(s, x->ones, g), SHAPE(K));
    tensor *alpha_gradient = t_reshape(s, t_matmul(s, x->ones, t_mul(s, g, r->cosines)), SHAPE(K));
    move(s, x->weight, x->weight_velocity, t_matmul(s, t_transpose(s, g, 0, 1), r->f), x->weight_rate);
    move(s, x->bias, x->bias_velocity, bias_gradient, x->weight_rate);
    t_add_scaled_(s, x->alpha_gradient, alpha_gradient, 1.0);
    if (i % ALPHA_PERIOD == 0)
        t_add_scaled_(s, x->alpha, x->alpha_gradient, -x->alpha_rate);
    scope_close(s);
}

static double validate(scope *parent, const struct state *x, const struct rows *val)
{
    scope *s = scope_open(parent, SCOPE_GRAD_OFF);
    tensor *z = logits_of(s, val->f, val->cosines, x->weight, x->bias, x->alpha);
    const double accuracy = fit_accuracy_of(s, z, val->labels);
    scope_close(s);
    return accuracy;
}

static void keep(scope *s, struct method *m, const struct state *x)
{
    t_copy_(s, params_find(&m->trained, "weight"), x->weight);
    t_copy_(s, params_find(&m->trained, "bias"), x->bias);
    t_copy_(s, params_find(&m->trained, "alpha"), x->alpha);
}

/* Keeps the last of the iterations that are best on validation; without it the last of all. */
static int run(struct fit_report *out, struct method *m, scope *s, struct state *x, const struct rows *val)
{
    enum { N_ITERATIONS = 300 };
    double best = 0.0, kept = 0.0;
    int status = OK;
    for (int64_t i = 1; status == OK && i <= N_ITERATIONS; i++) {
        iterate(x, s, i);
        const double accuracy = val->n > 0 ? validate(s, x, val) : 0.0;
        if (accuracy >= best) {
            keep(s, m, x);
            best = accuracy;
            kept = (double)i;
        }
        status = interrupt_requested() ? interrupt_check_begin() : scope_status(s);
    }
    fit_report_add(out, "iteration", kept);
    if (val->n > 0)
        fit_report_add(out, "validation_accuracy", best);
    return status;
}

static int fit(struct fit_report *out, struct method *m, const struct fit_data *data)
{
    const struct device device = m->clip->device;
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    const tensor *captions = fit_captions(s, data->captions, DTYPE);
    int64_t *labels = fit_row_labels(data);
    struct rows val = {0};
    struct state x;
    int status = labels ? OK : ERR_MEMORY;
    if (status == OK && data->n_val > 0)
        val = make_rows(s, data->val_features, data->val_labels, data->n_val, captions, device);
    if (status == OK) {
        const struct rows rows =
            make_rows(s, data->features, labels, data->n_views * data->n, captions, device);
        if ((status = start(&x, s, m, &rows)) == OK)
            status = run(out, m, s, &x, &val);
    }
    free(labels);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

const struct method_ops method_lp_plus_plus = {
    .create = create, .forward = forward, .fit = fit, .unknown_classes = UNKNOWN_CLASSES_ALONE};
