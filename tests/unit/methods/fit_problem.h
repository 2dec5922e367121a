/** Features to fit methods to, on the recorded small CLIP, and plain arrays in fp64 to compare fits with. */
#ifndef PROMPT_TESTS_UNIT_FIT_PROBLEM_H
#define PROMPT_TESTS_UNIT_FIT_PROBLEM_H

#include "method_start.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/rng.h"
#include "prompt/methods/fit.h"

enum { N = 36, N_VAL = 24, V = 2 };

/* Features around a centre for each class, and a fit of the method to them. */
struct problem {
    scope *scope;
    struct method *method;
    const struct class_texts *texts;
    int64_t K, d;
    float *features, *val; /* [V,N,d], [N_VAL,d] */
    int64_t labels[N], val_labels[N_VAL];
    struct fit_data data;
    struct fit_report report;
    int n_views_asked;
};

static inline void draw(float *out, int64_t label, int64_t d, struct rng *rng)
{
    struct rng centre;
    rng_init(&centre, 9, RNG_INIT, 1, (uint64_t)label);
    for (int64_t j = 0; j < d; j++)
        out[j] = (float)(1.0 + rng_normal(&centre) + 1.5 * rng_normal(rng));
}

/* Another view is the first one, turned by one row: other features of the same classes. */
static inline int next_view(void *context, float *out)
{
    struct problem *p = context;
    p->n_views_asked++;
    memcpy(out, p->features + N * p->d, (size_t)(N * p->d) * sizeof *out);
    return OK;
}

static inline void fill(struct problem *p)
{
    struct rng rng;
    rng_init(&rng, 5, RNG_INIT, 0, 0);
    for (int64_t i = 0; i < N; i++)
        p->labels[i] = i % p->K;
    for (int64_t i = 0; i < N_VAL; i++)
        p->val_labels[i] = i % p->K;
    for (int64_t v = 0; v < V; v++)
        for (int64_t i = 0; i < N; i++)
            draw(p->features + (v * N + i) * p->d, p->labels[i], p->d, &rng);
    for (int64_t i = 0; i < N_VAL; i++)
        draw(p->val + i * p->d, p->val_labels[i], p->d, &rng);
}

static inline void problem_open(struct problem *p, struct fixture *w, int64_t n_views,
                                const char *const *changes)
{
    *p = (struct problem){
        .scope = scope_open(NULL, SCOPE_GRAD_OFF), .K = w->names.n, .d = w->clip->dims.embed_dim};
    const struct method_options options = fixture_options(fixture_defaults(w), changes);
    const struct method_init init = {.seed = 1, .n_train_classes = p->K, .n_train_images = N};
    struct method *texts_alone = NULL;
    assert_ok(create(&texts_alone, w, p->scope, CHANGES("method=clip"))); /* lays out w->texts */
    method_free(texts_alone);
    assert_ok(method_create(&p->method, p->scope, w->clip, &options, &init));
    p->texts = &w->texts;
    p->features = malloc((size_t)(V * N * p->d) * sizeof *p->features);
    p->val = malloc((size_t)(N_VAL * p->d) * sizeof *p->val);
    assert_true(p->features && p->val);
    fill(p);
    p->data = (struct fit_data){.n_views = n_views,
                                .n = N,
                                .features = p->features,
                                .labels = p->labels,
                                .n_val = N_VAL,
                                .val_features = p->val,
                                .val_labels = p->val_labels,
                                .captions = w->texts.caption_features,
                                .seed = 1,
                                .n_epochs = 3,
                                .batch_size = 10,
                                .lr = 0.001,
                                .next_view = next_view,
                                .context = p};
}

static inline void problem_close(struct problem *p)
{
    free(p->features);
    free(p->val);
    method_free(p->method);
    assert_ok(scope_close(p->scope));
}

static inline double number(const struct problem *p, const char *name)
{
    for (size_t i = 0; i < p->report.n; i++)
        if (strcmp(p->report.numbers[i].name, name) == 0)
            return p->report.numbers[i].value;
    fail_msg("no number '%s'", name);
    return 0.0;
}

static inline double *read(const struct problem *p, const char *name)
{
    const tensor *t = params_find(&p->method->trained, name);
    double *values = malloc((size_t)t_numel(t) * sizeof *values);
    assert_non_null(values);
    assert_ok(t_read_f64(values, (size_t)t_numel(t), p->scope, t));
    return values;
}

/* Logits of the validation features, [N_VAL,K of `texts`] for n = 0 or 1. */
static inline float *logits_of(struct problem *p, const struct class_texts *texts, int n)
{
    scope *s = scope_open(p->scope, SCOPE_GRAD_OFF);
    struct method_output out;
    float *values = malloc((size_t)(N_VAL * texts->rows->n) * sizeof *values);
    assert_non_null(values);
    const tensor *x = t_from_f32(s, p->val, SHAPE(N_VAL, p->d), DTYPE_F32, CPU);
    method_forward(&out, s, p->method, &(struct method_inputs){.classes = texts, .features = x});
    assert_ok(t_read_f32(values, (size_t)(N_VAL * texts->rows->n), s, out.logits[n]));
    method_output_free(&out);
    assert_ok(scope_close(s));
    return values;
}

/* ---------------------------------------------------------------- plain arrays in double */

static inline void normalize(double *out, const float *x, int64_t d)
{
    double sum = 0.0;
    for (int64_t j = 0; j < d; j++)
        sum += (double)x[j] * (double)x[j];
    for (int64_t j = 0; j < d; j++)
        out[j] = (double)x[j] / sqrt(sum);
}

static inline double dot(const double *a, const double *b, int64_t d)
{
    double sum = 0.0;
    for (int64_t j = 0; j < d; j++)
        sum += a[j] * b[j];
    return sum;
}

static inline double *normalized(const float *x, int64_t n, int64_t d)
{
    double *out = malloc((size_t)(n * d) * sizeof *out);
    assert_non_null(out);
    for (int64_t i = 0; i < n; i++)
        normalize(out + i * d, x + i * d, d);
    return out;
}

static inline double *captions_of(const struct problem *p)
{
    float *values = malloc((size_t)(p->K * p->d) * sizeof *values);
    assert_non_null(values);
    assert_ok(t_read_f32(values, (size_t)(p->K * p->d), p->scope, p->data.captions));
    double *out = normalized(values, p->K, p->d);
    free(values);
    return out;
}

/* z becomes softmax(z) minus the one-hot label. */
static inline void subtract_label(double *z, int64_t label, int64_t K)
{
    double sum = 0.0, largest = z[0];
    for (int64_t k = 1; k < K; k++)
        largest = fmax(largest, z[k]);
    for (int64_t k = 0; k < K; k++)
        sum += exp(z[k] - largest);
    for (int64_t k = 0; k < K; k++)
        z[k] = exp(z[k] - largest) / sum - (k == label ? 1.0 : 0.0);
}

static inline void expect_near(const double *got, const double *want, int64_t n, double tolerance)
{
    double largest = 0.0, error = 0.0;
    for (int64_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(want[i]));
        error = fmax(error, fabs(got[i] - want[i]));
    }
    if (!(error <= tolerance * largest))
        fail_msg("relative error %g, at most %g was expected", error / largest, tolerance);
}

#endif
