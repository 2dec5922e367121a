/* LP++ against plain loops, its step sizes, and the iteration that is kept. */
#include "fit_problem.h"

#include "prompt/nn/eigenvalue.h"

static void test_lp_plus_plus__the_largest_eigenvalue_is_found(void **state)
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
static void test_lp_plus_plus__lp_plus_plus_is_the_plain_loop(void **state)
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

static void test_lp_plus_plus__lp_plus_plus_keeps_the_last_of_its_best_iterations(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_lp_plus_plus__the_largest_eigenvalue_is_found),
        torch_unit_test(test_lp_plus_plus__lp_plus_plus_is_the_plain_loop),
        torch_unit_test(test_lp_plus_plus__lp_plus_plus_keeps_the_last_of_its_best_iterations),
    };
    return fixture_run("lp_plus_plus", tests, DTYPE_F32, ENCODER_FAST);
}
