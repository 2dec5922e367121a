/* What all fitted methods share: classes that were not trained, and validation pictures. */
#include "fit_problem.h"

/* New classes have CLIP's logits; a probe does not compare them with its own, Tip-Adapter does. */
static void test_fits__classes_that_were_not_trained_are_clips(void **state)
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

static void test_fits__a_search_needs_validation_pictures(void **state)
{
    const char *const methods[] = {"method=linear_probe", "method=tip_adapter"};
    const char *const says[] = {
        "method linear_probe is fitted with the help of validation images, but there are none: set "
        "linear_probe.inverse_penalty",
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
        torch_unit_test(test_fits__classes_that_were_not_trained_are_clips),
        torch_unit_test(test_fits__a_search_needs_validation_pictures),
    };
    return fixture_run("fits", tests, DTYPE_F32, ENCODER_FAST);
}
