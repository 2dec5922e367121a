/* Linear probe: the minimum of its objective, and the search of C. */
#include "fit_problem.h"

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

static void test_linear_probe__a_linear_probe_is_at_the_minimum_of_its_objective(void **state)
{
    const struct {
        const char *key;
        double c;
    } cases[] = {{"linear_probe.inverse_penalty=0.316", 0.316},
                 {"linear_probe.inverse_penalty=0.001", 0.001},
                 {"linear_probe.inverse_penalty=100", 100.0}};
    for (size_t i = 0; i < 3; i++) {
        struct problem p;
        problem_open(&p, *state, 1, CHANGES("method=linear_probe", cases[i].key));
        assert_true(probe_gradient(&p, cases[i].c) > 1e-2);
        assert_ok(method_fit(&p.report, p.method, &p.data));
        assert_true(probe_gradient(&p, cases[i].c) < 1e-4); /* 1e-5 for features minus their mean */
        assert_true(number(&p, "C") == cases[i].c);
        assert_true(number(&p, "gradient") <= 1e-5 && !p.report.warning);
        problem_close(&p);
    }
}

/* Features so large that rounding alone makes a gradient above the tolerance. */
static void test_linear_probe__a_fit_that_ends_before_its_minimum_says_so(void **state)
{
    struct problem p;
    problem_open(&p, *state, 1, CHANGES("method=linear_probe", "linear_probe.inverse_penalty=1"));
    for (int64_t i = 0; i < N * p.d; i++)
        p.features[i] *= 1e14F;
    assert_ok(method_fit(&p.report, p.method, &p.data));
    assert_true(number(&p, "gradient") > 1e-5 && isfinite(number(&p, "gradient")));
    assert_non_null(p.report.warning);
    problem_close(&p);
}

static void test_linear_probe__c_is_one_of_the_search_and_no_worse_than_the_grid(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_linear_probe__a_linear_probe_is_at_the_minimum_of_its_objective),
        torch_unit_test(test_linear_probe__a_fit_that_ends_before_its_minimum_says_so),
        torch_unit_test(test_linear_probe__c_is_one_of_the_search_and_no_worse_than_the_grid),
    };
    return fixture_run("linear_probe", tests, DTYPE_F32, ENCODER_FAST);
}
