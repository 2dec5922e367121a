/* Methods that are fitted to features, on the recorded small CLIP: their mathematics and their classes. */
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

static void draw(float *out, int64_t label, int64_t d, struct rng *rng)
{
    struct rng centre;
    rng_init(&centre, 9, RNG_INIT, 1, (uint64_t)label);
    for (int64_t j = 0; j < d; j++)
        out[j] = (float)(1.0 + rng_normal(&centre) + 1.5 * rng_normal(rng));
}

/* Another view is the first one, turned by one row: other features of the same classes. */
static int next_view(void *context, float *out)
{
    struct problem *p = context;
    p->n_views_asked++;
    memcpy(out, p->features + N * p->d, (size_t)(N * p->d) * sizeof *out);
    return OK;
}

static void fill(struct problem *p)
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

static void problem_open(struct problem *p, struct fixture *w, int64_t n_views, const char *const *changes)
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

static void problem_close(struct problem *p)
{
    free(p->features);
    free(p->val);
    method_free(p->method);
    assert_ok(scope_close(p->scope));
}

static double number(const struct problem *p, const char *name)
{
    for (size_t i = 0; i < p->report.n; i++)
        if (strcmp(p->report.numbers[i].name, name) == 0)
            return p->report.numbers[i].value;
    fail_msg("no number '%s'", name);
    return 0.0;
}

static double *read(const struct problem *p, const char *name)
{
    const tensor *t = params_find(&p->method->trained, name);
    double *values = malloc((size_t)t_numel(t) * sizeof *values);
    assert_non_null(values);
    assert_ok(t_read_f64(values, (size_t)t_numel(t), p->scope, t));
    return values;
}

/* Logits of the validation features, [N_VAL,K of `texts`] for n = 0 or 1. */
static float *logits_of(struct problem *p, const struct class_texts *texts, int n)
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

static void normalize(double *out, const float *x, int64_t d)
{
    double sum = 0.0;
    for (int64_t j = 0; j < d; j++)
        sum += (double)x[j] * (double)x[j];
    for (int64_t j = 0; j < d; j++)
        out[j] = (double)x[j] / sqrt(sum);
}

static double dot(const double *a, const double *b, int64_t d)
{
    double sum = 0.0;
    for (int64_t j = 0; j < d; j++)
        sum += a[j] * b[j];
    return sum;
}

static double *normalized(const float *x, int64_t n, int64_t d)
{
    double *out = malloc((size_t)(n * d) * sizeof *out);
    assert_non_null(out);
    for (int64_t i = 0; i < n; i++)
        normalize(out + i * d, x + i * d, d);
    return out;
}

static double *captions_of(const struct problem *p)
{
    float *values = malloc((size_t)(p->K * p->d) * sizeof *values);
    assert_non_null(values);
    assert_ok(t_read_f32(values, (size_t)(p->K * p->d), p->scope, p->data.captions));
    double *out = normalized(values, p->K, p->d);
    free(values);
    return out;
}

/* z becomes softmax(z) minus the one-hot label. */
static void subtract_label(double *z, int64_t label, int64_t K)
{
    double sum = 0.0, largest = z[0];
    for (int64_t k = 1; k < K; k++)
        largest = fmax(largest, z[k]);
    for (int64_t k = 0; k < K; k++)
        sum += exp(z[k] - largest);
    for (int64_t k = 0; k < K; k++)
        z[k] = exp(z[k] - largest) / sum - (k == label ? 1.0 : 0.0);
}

static void expect_near(const double *got, const double *want, int64_t n, double tolerance)
{
    double largest = 0.0, error = 0.0;
    for (int64_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(want[i]));
        error = fmax(error, fabs(got[i] - want[i]));
    }
    if (!(error <= tolerance * largest))
        fail_msg("relative error %g, at most %g was expected", error / largest, tolerance);
}

/* ---------------------------------------------------------------- the largest eigenvalue */

static void test_probes__the_largest_eigenvalue_is_found(void **state)
{
    (void)state;
    /* 3; and 4, 0 of a block that a start along the first axis would not see */
    const double blocks[] = {3, 0, 0, 0, 2, 2, 0, 2, 2};
    /* (1, 2, 3) has length sqrt(14); the others have 1 and 0.999 of the largest */
    const double close[] = {1000, 0, 0, 0, 999, 0, 0, 0, 1};
    const double zero[4] = {0};
    double value = 0.0;
    assert_ok(largest_eigenvalue(&value, blocks, 3));
    assert_true(fabs(value - 4.0) < 1e-10);
    assert_ok(largest_eigenvalue(&value, close, 3));
    assert_true(fabs(value - 1000.0) < 1e-6);
    assert_ok(largest_eigenvalue(&value, zero, 2));
    assert_true(value == 0.0);
}

/* ---------------------------------------------------------------- linear probe */

/* The gradient of mean cross-entropy + |W|^2 / (2 C N), summed in plain loops. */
static double probe_gradient(const struct problem *p, double c)
{
    const int64_t K = p->K, d = p->d;
    double *weight = read(p, "weight"), *bias = read(p, "bias"), *z = malloc((size_t)K * sizeof *z),
           largest = 0.0;
    double *g = calloc((size_t)(K * (d + 1)), sizeof *g);
    assert_true(z && g);
    for (int64_t i = 0; i < N; i++) {
        const float *x = p->features + i * d;
        for (int64_t k = 0; k < K; k++) {
            z[k] = bias[k];
            for (int64_t j = 0; j < d; j++)
                z[k] += weight[k * d + j] * (double)x[j];
        }
        subtract_label(z, p->labels[i], K);
        for (int64_t k = 0; k < K; k++) {
            for (int64_t j = 0; j < d; j++)
                g[k * (d + 1) + j] += z[k] * (double)x[j] / N;
            g[k * (d + 1) + d] += z[k] / N;
        }
    }
    for (int64_t k = 0; k < K; k++)
        for (int64_t j = 0; j <= d; j++)
            largest = fmax(largest, fabs(g[k * (d + 1) + j] + (j < d ? weight[k * d + j] / (c * N) : 0.0)));
    free(weight);
    free(bias);
    free(z);
    free(g);
    return largest;
}

static void test_probes__a_linear_probe_is_at_the_minimum_of_its_objective(void **state)
{
    const struct {
        const char *key;
        double c;
    } cases[] = {
        {"linear_probe.c=0.316", 0.316}, {"linear_probe.c=0.001", 0.001}, {"linear_probe.c=100", 100.0}};
    for (size_t i = 0; i < 3; i++) {
        struct problem p;
        problem_open(&p, *state, 1, CHANGES("method=linear_probe", cases[i].key));
        assert_true(probe_gradient(&p, cases[i].c) > 1e-2);
        assert_ok(method_fit(&p.report, p.method, &p.data));
        assert_true(probe_gradient(&p, cases[i].c) < 1e-4); /* 1e-5 for features minus their mean */
        assert_true(number(&p, "C") == cases[i].c);
        problem_close(&p);
    }
}

static void test_probes__c_is_one_of_the_search_and_no_worse_than_the_grid(void **state)
{
    struct problem p;
    double best = 0.0;
    problem_open(&p, *state, 1, CHANGES("method=linear_probe"));
    assert_ok(method_fit(&p.report, p.method, &p.data));
    const double found = number(&p, "C"), accuracy = number(&p, "validation_accuracy");
    float *logits = logits_of(&p, p.texts, 1);
    assert_true(fit_accuracy(logits, p.val_labels, N_VAL, p.K) == accuracy);
    free(logits);
    for (int e = -6; e <= 6; e += 2) {
        p.method->options.linear_probe_c = pow(10.0, e);
        assert_ok(method_fit(&p.report, p.method, &p.data));
        if (number(&p, "validation_accuracy") >= best)
            best = number(&p, "validation_accuracy");
    }
    assert_true(accuracy >= best - 1.0 / N_VAL && found > 0.0); /* its sides are tenths of the grid's best */
    problem_close(&p);
}

/* ---------------------------------------------------------------- LP++ */

/* LP++ in plain loops and fp64: what its authors' code does to weight, bias and alpha. */
struct plain {
    double *f, *s; /* [N,d] and [N,K] */
    double *weight, *bias, *alpha, *weight_velocity, *bias_velocity, *alpha_sum;
    double weight_rate, alpha_rate;
};

static void plain_rates(struct plain *l, int64_t K, int64_t d)
{
    double *v = malloc((size_t)d * sizeof *v), *next = malloc((size_t)d * sizeof *next), value = 0.0,
           largest = 0.0;
    assert_true(v && next);
    for (int64_t j = 0; j < d; j++)
        v[j] = 1.0;
    for (int i = 0; i < 300; i++) {
        memset(next, 0, (size_t)d * sizeof *next);
        for (int64_t n = 0; n < N; n++)
            for (int64_t j = 0; j < d; j++)
                next[j] += dot(l->f + n * d, v, d) * l->f[n * d + j];
        value = sqrt(dot(next, next, d));
        for (int64_t j = 0; j < d; j++)
            v[j] = next[j] / value;
    }
    for (int64_t k = 0; k < K; k++) {
        double sum = 0.0;
        for (int64_t n = 0; n < N; n++)
            sum += l->s[n * K + k] * l->s[n * K + k];
        largest = fmax(largest, sum);
    }
    l->weight_rate = 4.0 * N / value;
    l->alpha_rate = N / (4.0 * largest);
    free(v);
    free(next);
}

static void plain_iterate(struct plain *l, const int64_t *labels, int64_t K, int64_t d, int64_t iteration)
{
    double *g = calloc((size_t)(N * K), sizeof *g);
    assert_non_null(g);
    for (int64_t i = 0; i < N; i++) {
        for (int64_t k = 0; k < K; k++)
            g[i * K + k] =
                dot(l->weight + k * d, l->f + i * d, d) + l->bias[k] + l->alpha[k] * l->s[i * K + k];
        subtract_label(g + i * K, labels[i], K);
    }
    for (int64_t k = 0; k < K; k++) {
        double bias = 0.0;
        for (int64_t i = 0; i < N; i++) {
            bias += g[i * K + k] / N;
            l->alpha_sum[k] += g[i * K + k] * l->s[i * K + k] / N;
        }
        for (int64_t j = 0; j < d; j++) {
            double sum = 0.0;
            for (int64_t i = 0; i < N; i++)
                sum += g[i * K + k] * l->f[i * d + j] / N;
            l->weight_velocity[k * d + j] = 0.9 * l->weight_velocity[k * d + j] + sum;
            l->weight[k * d + j] -= l->weight_rate * l->weight_velocity[k * d + j];
        }
        l->bias_velocity[k] = 0.9 * l->bias_velocity[k] + bias;
        l->bias[k] -= l->weight_rate * l->bias_velocity[k];
        if (iteration % 10 == 0)
            l->alpha[k] -= l->alpha_rate * l->alpha_sum[k];
    }
    free(g);
}

static void plain_open(struct plain *l, const struct problem *p)
{
    const int64_t K = p->K, d = p->d;
    double *t = captions_of(p), mean = 0.0;
    *l = (struct plain){.f = normalized(p->features, N, d),
                        .s = calloc((size_t)(N * K), sizeof(double)),
                        .weight = calloc((size_t)(K * d), sizeof(double)),
                        .bias = read(p, "bias"),
                        .alpha = calloc((size_t)K, sizeof(double)),
                        .weight_velocity = calloc((size_t)(K * d), sizeof(double)),
                        .bias_velocity = calloc((size_t)K, sizeof(double)),
                        .alpha_sum = calloc((size_t)K, sizeof(double))};
    for (int64_t i = 0; i < N; i++) {
        for (int64_t k = 0; k < K; k++)
            l->s[i * K + k] = dot(l->f + i * d, t + k * d, d);
        for (int64_t j = 0; j < d; j++)
            l->weight[p->labels[i] * d + j] += l->f[i * d + j];
        mean += l->s[i * K + p->labels[i]] / N; /* classes have equally many pictures */
    }
    for (int64_t k = 0; k < K; k++)
        l->alpha[k] = 250.0 * mean;
    plain_rates(l, K, d);
    free(t);
}

static void plain_close(struct plain *l)
{
    double *const all[] = {
        l->f, l->s, l->weight, l->bias, l->alpha, l->weight_velocity, l->bias_velocity, l->alpha_sum};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

/* Without validation the last iteration is kept. After 300 steps the rounding of fp32 is 1e-4 (2026-11-29). */
static void test_probes__lp_plus_plus_is_the_plain_loop(void **state)
{
    static const double TOLERANCE = 1e-3;
    struct problem p;
    struct plain l;
    problem_open(&p, *state, 1, CHANGES("method=lp_plus_plus"));
    p.data.n_val = 0;
    plain_open(&l, &p);
    assert_ok(method_fit(&p.report, p.method, &p.data));
    assert_true(number(&p, "iteration") == 300.0);
    for (int64_t i = 1; i <= 300; i++)
        plain_iterate(&l, p.labels, p.K, p.d, i);
    double *weight = read(&p, "weight"), *bias = read(&p, "bias"), *alpha = read(&p, "alpha");
    expect_near(weight, l.weight, p.K * p.d, TOLERANCE);
    expect_near(bias, l.bias, p.K, TOLERANCE);
    expect_near(alpha, l.alpha, p.K, TOLERANCE);
    free(weight);
    free(bias);
    free(alpha);
    plain_close(&l);
    problem_close(&p);
}

static void test_probes__lp_plus_plus_keeps_the_last_of_its_best_iterations(void **state)
{
    struct problem p;
    problem_open(&p, *state, 1, CHANGES("method=lp_plus_plus"));
    assert_ok(method_fit(&p.report, p.method, &p.data));
    float *logits = logits_of(&p, p.texts, 1);
    assert_true(fit_accuracy(logits, p.val_labels, N_VAL, p.K) == number(&p, "validation_accuracy"));
    free(logits);
    memcpy(p.val, p.features, (size_t)(N_VAL * p.d) * sizeof *p.val); /* all are right soon, and stay so */
    assert_ok(method_fit(&p.report, p.method, &p.data));
    assert_true(number(&p, "validation_accuracy") == 1.0 && number(&p, "iteration") == 300.0);
    problem_close(&p);
}

/* ---------------------------------------------------------------- Tip-Adapter */

static void test_probes__tip_adapter_is_clip_and_a_cache(void **state)
{
    struct problem p;
    problem_open(&p, *state, V,
                 CHANGES("method=tip_adapter", "tip_adapter.alpha_max=0", "tip_adapter.alpha=2.5",
                         "tip_adapter.beta=3"));
    assert_ok(method_fit(&p.report, p.method, &p.data));
    const int64_t K = p.K, d = p.d;
    float *clip = logits_of(&p, p.texts, 0), *got = logits_of(&p, p.texts, 1),
          *mean = calloc((size_t)(N * d), sizeof *mean);
    double *want = calloc((size_t)(N_VAL * K), sizeof *want),
           *both = malloc((size_t)(N_VAL * K) * sizeof *both);
    assert_true(mean && want && both);
    for (int64_t i = 0; i < N * d; i++)
        mean[i] = p.features[i] + p.features[N * d + i];
    double *keys = normalized(mean, N, d), *f = normalized(p.val, N_VAL, d);
    for (int64_t i = 0; i < N_VAL; i++)
        for (int64_t n = 0; n < N; n++)
            want[i * K + p.labels[n]] += 2.5 * exp(-3.0 * (1.0 - dot(f + i * d, keys + n * d, d)));
    for (int64_t i = 0; i < N_VAL * K; i++) {
        want[i] += (double)clip[i];
        both[i] = (double)got[i];
    }
    expect_near(both, want, N_VAL * K, 1e-5);
    free(clip);
    free(got);
    free(mean);
    free(want);
    free(both);
    free(keys);
    free(f);
    problem_close(&p);
}

static void test_probes__the_first_of_equal_pairs_is_found(void **state)
{
    struct problem p;
    problem_open(&p, *state, 1,
                 CHANGES("method=tip_adapter", "tip_adapter.alpha_max=30", "tip_adapter.beta_max=20"));
    assert_ok(method_fit(&p.report, p.method, &p.data));
    const double accuracy = number(&p, "validation_accuracy");
    float *logits = logits_of(&p, p.texts, 1);
    assert_true(fit_accuracy(logits, p.val_labels, N_VAL, p.K) == accuracy);
    free(logits);
    /* the steps of the grids, which begin at 0.1 */
    const double a = (number(&p, "alpha") - 0.1) / (29.9 / 20), b = (number(&p, "beta") - 0.1) / (19.9 / 200);
    assert_true(fabs(a - round(a)) < 1e-9 && fabs(b - round(b)) < 1e-9);
    p.data.n_val = 1;
    for (int64_t k = 0; k < p.K;
         k++) { /* one picture: the first pair that classifies it; if CLIP does, (0.1, 0.1) */
        p.val_labels[0] = k;
        assert_ok(method_fit(&p.report, p.method, &p.data));
        if (number(&p, "validation_accuracy") == 0.0) /* no pair is better than none: as given */
            assert_true(number(&p, "alpha") == 1.17 && number(&p, "beta") == 1.0);
    }
    problem_close(&p);
}

static void test_probes__keys_are_trained_on_new_views_or_those_of_the_cache(void **state)
{
    const struct {
        const char *changes[5];
        int n_views;
        bool moves;
    } cases[] = {{{"method=tip_adapter"}, 0, false},
                 {{"method=tip_adapter", "tip_adapter.train_keys=true"}, 3, true},
                 {{"method=tip_adapter", "tip_adapter.train_keys=true", "views.fresh=false"}, 0, true}};
    for (size_t i = 0; i < 3; i++) {
        struct problem p;
        problem_open(&p, *state, 1, cases[i].changes);
        assert_ok(method_fit(&p.report, p.method, &p.data));
        assert_int_equal(p.n_views_asked, cases[i].n_views);
        double *keys = read(&p, "keys"), *cache = normalized(p.features, N, p.d), moved = 0.0;
        for (int64_t j = 0; j < N * p.d; j++)
            moved = fmax(moved, fabs(keys[j] - cache[j]));
        assert_true(cases[i].moves ? moved > 1e-4 && moved < 0.1 : moved < 1e-6);
        free(keys);
        free(cache);
        problem_close(&p);
    }
}

/* ---------------------------------------------------------------- classes */

/* New classes have CLIP's logits; a probe does not compare them with its own, Tip-Adapter does. */
static void test_probes__classes_that_were_not_trained_are_clips(void **state)
{
    const char *const methods[] = {"method=linear_probe", "method=lp_plus_plus", "method=tip_adapter"};
    for (size_t m = 0; m < 3; m++) {
        struct problem p;
        problem_open(&p, *state, 1, CHANGES(methods[m]));
        assert_ok(method_fit(&p.report, p.method, &p.data));
        int64_t rows[64];
        struct class_texts texts = *p.texts;
        texts.trained_rows = rows;
        const size_t size = (size_t)(N_VAL * p.K) * sizeof(float);
        float *clip = logits_of(&p, p.texts, 0), *own = logits_of(&p, p.texts, 1), *got = NULL;
        for (int64_t k = 0; k < p.K; k++)
            rows[k] = -1;
        got = logits_of(&p, &texts, 1);
        assert_memory_equal(got, clip, size);
        free(got);
        for (int64_t k = 0; k < p.K; k++)
            rows[k] = k;
        got = logits_of(&p, &texts, 1);
        assert_memory_equal(got, own, size);
        free(got);
        rows[1] = -1;
        assert_int_equal(method_n_by_clip(p.method, &texts), 1);
        if (m == 2) {
            got = logits_of(&p, &texts, 1);
            assert_true(got[0] == own[0] && got[1] == clip[1] && got[1] != own[1]);
            free(got);
        }
        assert_int_equal(method_check_classes(p.method, &texts), m == 2 ? OK : ERR_USAGE);
        free(clip);
        free(own);
        problem_close(&p);
    }
}

static void test_probes__a_search_needs_validation_pictures(void **state)
{
    const char *const methods[] = {"method=linear_probe", "method=tip_adapter"};
    const char *const says[] = {
        "method linear_probe is fitted with the help of validation images, but there are none: set "
        "linear_probe.c",
        "but there are none: set tip_adapter.alpha, tip_adapter.beta and tip_adapter.alpha_max=0"};
    for (size_t m = 0; m < 2; m++) {
        struct problem p;
        problem_open(&p, *state, 1, CHANGES(methods[m]));
        p.data.n_val = 0;
        assert_int_equal(method_fit(&p.report, p.method, &p.data), ERR_USAGE);
        assert_non_null(strstr(error_message(), says[m]));
        problem_close(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_probes__the_largest_eigenvalue_is_found),
        torch_unit_test(test_probes__a_linear_probe_is_at_the_minimum_of_its_objective),
        torch_unit_test(test_probes__c_is_one_of_the_search_and_no_worse_than_the_grid),
        torch_unit_test(test_probes__lp_plus_plus_is_the_plain_loop),
        torch_unit_test(test_probes__lp_plus_plus_keeps_the_last_of_its_best_iterations),
        torch_unit_test(test_probes__tip_adapter_is_clip_and_a_cache),
        torch_unit_test(test_probes__the_first_of_equal_pairs_is_found),
        torch_unit_test(test_probes__keys_are_trained_on_new_views_or_those_of_the_cache),
        torch_unit_test(test_probes__classes_that_were_not_trained_are_clips),
        torch_unit_test(test_probes__a_search_needs_validation_pictures),
    };
    return fixture_run("probes", tests, DTYPE_F32, ENCODER_FAST);
}
