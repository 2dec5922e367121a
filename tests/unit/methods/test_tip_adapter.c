/* Tip-Adapter's cache, the search of alpha and beta, and the training of keys. */
#include "fit_problem.h"

static void test_tip_adapter__tip_adapter_is_clip_and_a_cache(void **state)
{
    struct problem p;
    problem_open(&p, *state, V,
                 CHANGES("method=tip_adapter", "tip_adapter.alpha_max=0", "tip_adapter.alpha=2.5",
                         "tip_adapter.beta=3"));
    assert_ok(method_fit(&p.report, p.method, &p.data));
    const int64_t K = p.K, d = p.d;
    const uint64_t n_reads = device_reads();
    float *clip = logits_of(&p, p.texts, 0), *got = logits_of(&p, p.texts, 1),
          *mean = calloc((size_t)(N * d), sizeof *mean);
    assert_int_equal(device_reads() - n_reads, 2); /* the logits, and neither alpha nor beta */
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

static void test_tip_adapter__the_first_of_equal_pairs_is_found(void **state)
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
    int n_first = 0; /* labels for which the first pair suffices, as that which CLIP itself gives */
    for (int64_t k = 0; k < p.K; k++) { /* one picture: the first pair that classifies it */
        p.val_labels[0] = k;
        assert_ok(method_fit(&p.report, p.method, &p.data));
        if (number(&p, "validation_accuracy") == 0.0) /* no pair is better than none: as given */
            assert_true(number(&p, "alpha") == 1.17 && number(&p, "beta") == 1.0);
        else
            n_first += number(&p, "alpha") == 0.1 && number(&p, "beta") == 0.1;
    }
    assert_int_equal(n_first, 1);
    problem_close(&p);
}

static void test_tip_adapter__keys_are_trained_on_new_views_or_those_of_the_cache(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_tip_adapter__tip_adapter_is_clip_and_a_cache),
        torch_unit_test(test_tip_adapter__the_first_of_equal_pairs_is_found),
        torch_unit_test(test_tip_adapter__keys_are_trained_on_new_views_or_those_of_the_cache),
    };
    return fixture_run("tip_adapter", tests, DTYPE_F32, ENCODER_FAST);
}
