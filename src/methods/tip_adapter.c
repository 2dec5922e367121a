/*
 * Tip-Adapter (Zhang et al., ECCV 2022): a cache of the training pictures' features corrects CLIP's logits,
 *   z = exp(s) f T^t + alpha exp(-beta (1 - f K^t)) V,   |f| = 1
 * with keys K, the features of N pictures, and values V, their one-hot labels. Tip-Adapter-F trains the keys. The
 * authors' code has 100 for exp(s), its value in OpenAI's models.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/interrupt.h"
#include "prompt/base/rng.h"
#include "prompt/methods/fit.h"
#include "prompt/methods/parts.h"
#include "prompt/nn/schedule.h"

static int create(struct method *m, const struct method_init *init)
{
    const int64_t N = init->n_train_images, K = init->n_train_classes;
    int status = OK;
    if ((status = method_add_zeros(m, "keys", SHAPE(N, m->clip->dims.embed_dim))) == OK &&
        (status = method_add_zeros(m, "values", SHAPE(N, K))) == OK &&
        (status = method_add_zeros(m, "beta", NULL, 0)) == OK)
        status = method_add_zeros(m, "alpha", NULL, 0);
    return status;
}

/* A number as a tensor []. */
static tensor *number(scope *s, const struct method *m, double value)
{
    return t_full(s, NULL, 0, value, DTYPE_F64, m->clip->device);
}

/* exp(-beta (1 - affinity)), beta []: it stays on the device. */
static tensor *sharpen(scope *s, const struct method *m, const tensor *affinity, const tensor *beta)
{
    return t_exp(s, t_mul(s, t_sub(s, affinity, number(s, m, 1.0)), beta));
}

/* The cache's logits of the training's classes [B,K'] as those of these classes [B,K]; 0 of a class that was not
 * trained. */
static tensor *of_classes(scope *s, tensor *cache, const struct class_texts *classes, struct device device)
{
    const int64_t B = t_size(cache, 0), n_trained = t_size(cache, 1), K = classes->rows->n;
    if (!classes->trained_rows)
        return cache;
    int64_t *columns = malloc((size_t)K * sizeof *columns);
    if (!columns) {
        scope_fail(s, error_out_of_memory());
        return NULL;
    }
    for (int64_t k = 0; k < K; k++)
        columns[k] = classes->trained_rows[k] < 0 ? n_trained : classes->trained_rows[k];
    tensor *with_zero = t_cat(s, TENSORS(cache, t_zeros(s, SHAPE(B, 1), t_dtype(cache), device)), 1);
    tensor *out = t_index_select(s, with_zero, 1, t_from_i64(s, columns, SHAPE(K), device));
    free(columns);
    return out;
}

static void forward(struct method_output *out, scope *s, const struct method *m,
                    const struct method_inputs *in)
{
    const struct class_texts *classes = in->classes;
    const struct device device = m->clip->device;
    const tensor *keys = params_find(&m->trained, "keys"), *alpha = params_find(&m->trained, "alpha");
    struct initial_features initial = method_initial_features(out, s, m, in);
    tensor *f = t_normalize(s, t_to(s, initial.x, t_dtype(keys)), -1);
    tensor *a = sharpen(s, m, t_linear(s, f, keys, NULL), params_find(&m->trained, "beta"));
    tensor *cache = t_matmul(s, a, params_find(&m->trained, "values"));
    out->features[1] = initial.x;
    out->logits[1] = t_add(s, initial.logits, t_mul(s, of_classes(s, cache, classes, device), alpha));
}

/* ---------------------------------------------------------------- the cache */

/* Keys: the mean over views of the features as they are, then of length 1. */
static void fill_keys(scope *s, struct method *m, const struct fit_data *data)
{
    const int64_t d = m->clip->dims.embed_dim;
    tensor *views =
        t_from_f32(s, data->features, SHAPE(data->n_views, data->n * d), DTYPE_F32, m->clip->device);
    tensor *ones = t_full(s, SHAPE(1, data->n_views), 1.0, DTYPE_F32, m->clip->device);
    tensor *sum =
        t_reshape(s, t_matmul(s, ones, views), SHAPE(data->n, d)); /* as long as the mean, normalized */
    t_copy_(s, params_find(&m->trained, "keys"), t_normalize(s, sum, -1));
}

static void set_number(scope *s, struct method *m, const char *name, double value)
{
    t_copy_(s, params_find(&m->trained, name), number(s, m, value));
}

/* ---------------------------------------------------------------- training of the keys */

/* AdamW on the keys, with the authors' constants and a cosine from lr to 0 by step. */
struct key_training {
    struct method *method;
    const struct fit_data *data;
    const tensor *captions; /* [K,d], of length 1 */
    tensor *first, *second; /* moments */
    float *view;            /* [N,d], of new pictures; NULL: the cached ones serve */
    float *batch;           /* [B,d] */
    size_t *order;          /* [N] */
    int64_t *labels;        /* [B] */
    struct schedule_options schedule;
    int64_t step;
};

/* The loss of a batch [B,d] and its gradient in the keys: dK = alpha beta ((G V^t) * A)^t f, G that in the logits. */
static tensor *key_gradient(scope *s, const struct key_training *t, int64_t n)
{
    const struct method *m = t->method;
    const struct method_options *o = &m->options;
    const struct device device = m->clip->device;
    const tensor *keys = params_find(&m->trained, "keys"), *values = params_find(&m->trained, "values");
    tensor *f = t_normalize(s, t_from_f32(s, t->batch, SHAPE(n, t_size(keys, 1)), DTYPE_F32, device), -1);
    tensor *a = sharpen(s, m, t_linear(s, f, keys, NULL), number(s, m, o->tip_adapter_beta));
    tensor *z = t_add(s, t_scale(s, t_linear(s, f, t->captions, NULL), m->clip->logit_scale),
                      t_scale(s, t_matmul(s, a, values), o->tip_adapter_alpha));
    tensor *wanted = fit_one_hot(s, t->labels, n, t_size(values, 1), DTYPE_F32, device);
    tensor *g = t_scale(s, t_sub(s, t_softmax(s, z, -1), wanted), 1.0 / (double)n);
    tensor *inner = t_mul(s, t_matmul(s, g, t_transpose(s, values, 0, 1)), a); /* [B,N] */
    return t_scale(s, t_matmul(s, t_transpose(s, inner, 0, 1), f),
                   o->tip_adapter_alpha * o->tip_adapter_beta);
}

static int key_step(struct key_training *t, scope *parent, int64_t n)
{
    scope *s = scope_open(parent, SCOPE_GRAD_OFF);
    tensor *keys = params_find(&t->method->trained, "keys");
    const tensor *gradient = key_gradient(s, t, n);
    t->step++;
    const struct adamw_numbers numbers = {.lr = number(s, t->method, schedule_lr(&t->schedule, 1, t->step)),
                                          .step = number(s, t->method, (double)t->step),
                                          .beta1 = 0.9,
                                          .beta2 = 0.999,
                                          .weight_decay = 0.01,
                                          .eps = 1e-4};
    t_adamw_(s, &keys, &gradient, &t->first, &t->second, 1, numbers);
    return scope_close(s);
}

/* Epoch `e`, from 0, on a view, [N,d], in a new order. */
static int key_epoch(struct key_training *t, scope *s, const float *view, int64_t e)
{
    const struct fit_data *data = t->data;
    const size_t N = (size_t)data->n, d = (size_t)t->method->clip->dims.embed_dim;
    struct rng rng;
    int status = OK;
    for (size_t i = 0; i < N; i++)
        t->order[i] = i;
    rng_init(&rng, data->seed, RNG_ORDER, (uint64_t)e, 0);
    rng_shuffle(&rng, t->order, N);
    for (size_t done = 0, n = 0; status == OK && done < N; done += n) {
        for (n = 0; n < (size_t)data->batch_size && done + n < N; n++) {
            const size_t i = t->order[done + n];
            memcpy(t->batch + n * d, view + i * d, d * sizeof *t->batch);
            t->labels[n] = data->labels[i];
        }
        status = interrupt_requested() ? interrupt_check_begin() : key_step(t, s, (int64_t)n);
    }
    return status;
}

static int run_epochs(struct key_training *t, scope *s)
{
    const struct fit_data *data = t->data;
    const int64_t width = data->n * t->method->clip->dims.embed_dim;
    int status = OK;
    for (int64_t e = 0; status == OK && e < data->n_epochs; e++) {
        const float *view = t->view ? t->view : data->features + (e % data->n_views) * width;
        if (t->view)
            status = data->next_view(data->context, t->view);
        if (status == OK)
            status = key_epoch(t, s, view, e);
    }
    return status;
}

static int train_keys(scope *s, struct method *m, const struct fit_data *data)
{
    const struct device device = m->clip->device;
    const size_t N = (size_t)data->n, d = (size_t)m->clip->dims.embed_dim, B = (size_t)data->batch_size;
    const int64_t n_steps = data->n_epochs * ((data->n + data->batch_size - 1) / data->batch_size);
    struct key_training t = {
        .method = m,
        .data = data,
        .captions = fit_captions(s, data->captions, DTYPE_F32),
        .first = t_zeros(s, SHAPE(data->n, (int64_t)d), DTYPE_F32, device),
        .second = t_zeros(s, SHAPE(data->n, (int64_t)d), DTYPE_F32, device),
        .view = m->options.views_fresh ? malloc(N * d * sizeof(float)) : NULL,
        .batch = malloc(B * d * sizeof(float)),
        .order = malloc(N * sizeof(size_t)),
        .labels = malloc(B * sizeof(int64_t)),
        .schedule = {.schedule = SCHEDULE_COSINE_STEP, .lr = data->lr, .n_steps = n_steps}};
    const bool is_allocated = t.batch && t.order && t.labels && (t.view || !m->options.views_fresh);
    int status = is_allocated ? scope_status(s) : error_out_of_memory();
    if (status == OK)
        status = run_epochs(&t, s);
    free(t.view);
    free(t.batch);
    free(t.order);
    free(t.labels);
    return status;
}

/* ---------------------------------------------------------------- alpha and beta */

/* The validation pictures' logits on the host. */
struct validation {
    const int64_t *labels;
    float *clip, *cache; /* [n,K], owned */
    int64_t n, n_classes;
};

/* The share of rows whose class is the first of the largest of clip + alpha cache. */
static double accuracy_with(const struct validation *v, double alpha)
{
    const int64_t K = v->n_classes;
    const float a = (float)alpha;
    int64_t n_correct = 0;
    for (int64_t i = 0; i < v->n; i++) {
        const float *clip = v->clip + i * K, *cache = v->cache + i * K;
        float largest = clip[0] + a * cache[0];
        int64_t top = 0;
        for (int64_t k = 1; k < K; k++) {
            const float z = clip[k] + a * cache[k];
            top = z > largest ? k : top;
            largest = z > largest ? z : largest;
        }
        n_correct += top == v->labels[i];
    }
    return (double)n_correct / (double)v->n;
}

struct choice {
    double alpha, beta, accuracy;
};

/* The value `i` of `n` of a grid that begins at 0.1 and would end at `largest`. */
static double grid_value(double largest, int i, int n)
{
    return 0.1 + (double)i * (largest - 0.1) / (double)n;
}

/* The first of the best pairs, beta before alpha; only a better one replaces. */
static int search_grid(struct choice *best, scope *s, const struct method *m, const tensor *affinity,
                       struct validation *v)
{
    enum { N_BETAS = 200, N_ALPHAS = 20 };
    const struct method_options *o = &m->options;
    int status = OK;
    for (int i = 0; status == OK && i < N_BETAS; i++) {
        const double beta = grid_value(o->tip_adapter_beta_max, i, N_BETAS);
        scope *inner = scope_open(s, SCOPE_GRAD_OFF);
        tensor *cache = t_matmul(inner, sharpen(inner, m, affinity, number(inner, m, beta)),
                                 params_find(&m->trained, "values"));
        status = t_read_f32(v->cache, (size_t)(v->n * v->n_classes), inner, cache);
        scope_close(inner);
        for (int j = 0; status == OK && j < N_ALPHAS; j++) {
            const double alpha = grid_value(o->tip_adapter_alpha_max, j, N_ALPHAS),
                         accuracy = accuracy_with(v, alpha);
            if (accuracy > best->accuracy)
                *best = (struct choice){alpha, beta, accuracy};
        }
        if (status == OK && interrupt_requested())
            status = interrupt_check_begin();
    }
    return status;
}

static int search(struct choice *best, scope *s, const struct method *m, const struct fit_data *data)
{
    const struct device device = m->clip->device;
    const tensor *keys = params_find(&m->trained, "keys");
    struct validation v = {data->val_labels, NULL, NULL, data->n_val,
                           t_size(params_find(&m->trained, "values"), 1)};
    const size_t size = (size_t)(v.n * v.n_classes);
    v.clip = malloc(size * sizeof *v.clip);
    v.cache = malloc(size * sizeof *v.cache);
    tensor *x = t_from_f32(s, data->val_features, SHAPE(v.n, t_size(keys, 1)), DTYPE_F32, device);
    tensor *affinity = t_linear(s, t_normalize(s, x, -1), keys, NULL);
    int status = v.clip && v.cache ? t_read_f32(v.clip, size, s, clip_logits(s, m->clip, x, data->captions))
                                   : error_out_of_memory();
    if (status == OK)
        status = search_grid(best, s, m, affinity, &v);
    free(v.clip);
    free(v.cache);
    return status;
}

/* ---------------------------------------------------------------- the fit */

static int fill(struct fit_report *out, scope *s, struct method *m, const struct fit_data *data)
{
    const struct method_options *o = &m->options;
    struct choice choice = {o->tip_adapter_alpha, o->tip_adapter_beta, 0.0};
    tensor *values = params_find(&m->trained, "values");
    fill_keys(s, m, data);
    t_copy_(s, values, fit_one_hot(s, data->labels, data->n, t_size(values, 1), DTYPE_F32, m->clip->device));
    int status = scope_status(s);
    if (status == OK && o->tip_adapter_train_keys)
        status = train_keys(s, m, data);
    if (status == OK && o->tip_adapter_alpha_max > 0.0 && (status = search(&choice, s, m, data)) == OK)
        fit_report_add(out, "validation_accuracy", choice.accuracy);
    if (status != OK)
        return status;
    set_number(s, m, "alpha", choice.alpha);
    set_number(s, m, "beta", choice.beta);
    fit_report_add(out, "alpha", choice.alpha);
    fit_report_add(out, "beta", choice.beta);
    return scope_status(s);
}

static int fit(struct fit_report *out, struct method *m, const struct fit_data *data)
{
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    int status = fill(out, s, m, data);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

static const char *needs_validation(const struct method_options *o)
{
    return o->tip_adapter_alpha_max > 0.0 ? "tip_adapter.alpha, tip_adapter.beta and tip_adapter.alpha_max=0"
                                          : NULL;
}

const struct method_ops method_tip_adapter = {.create = create,
                                              .forward = forward,
                                              .fit = fit,
                                              .unknown_classes = UNKNOWN_CLASSES_BY_CLIP,
                                              .needs_validation = needs_validation};
