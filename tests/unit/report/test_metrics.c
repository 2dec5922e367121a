/* Accuracies, F1 and the confusion matrix against numbers counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "prompt/report/metrics.h"

static void expect(double got, double want)
{
    if (!(fabs(got - want) <= 1e-15))
        fail_msg("%.17g, expected %.17g", got, want);
}

/*
 * Four classes, N = 1, six images. After iteration 1 the predictions are
 *   class 0: 0 0 1      class 1: 1      class 2: 0 1      class 3: no image
 * and before it (n = 0) only the last image of class 2 is right.
 */
enum { N = 1, K = 4, IMAGES = 6 };
static const int64_t LABELS[IMAGES] = {0, 0, 0, 1, 2, 2};
static const int64_t FIRST[IMAGES] = {1, 2, 1, 0, 3, 2};
static const int64_t LAST[IMAGES] = {0, 0, 1, 1, 0, 1};

static void make(struct metrics *m)
{
    float logits[IMAGES][N + 1][K] = {{{0}}};
    for (int i = 0; i < IMAGES; i++) {
        logits[i][0][FIRST[i]] = 2;
        logits[i][1][LAST[i]] = 2;
    }
    assert_int_equal(metrics_create(m, N, K), OK);
    metrics_add(m, &logits[0][0][0], LABELS, 4); /* in two batches */
    metrics_add(m, &logits[4][0][0], LABELS + 4, 2);
}

static void test_metrics__accuracy_is_counted_per_iteration(void **state)
{
    (void)state;
    struct metrics m;
    make(&m);
    assert_int_equal(m.n_images, 6);
    assert_int_equal(m.n_correct[0], 1);
    assert_int_equal(m.n_correct[1], 3);
    expect(metrics_accuracy(&m, 0), 1.0 / 6);
    expect(metrics_accuracy(&m, 1), 0.5);
    metrics_free(&m);
}

static void test_metrics__confusion_has_true_classes_as_rows(void **state)
{
    (void)state;
    const int64_t want[K * K] = {2, 1, 0, 0, /**/ 0, 1, 0, 0, /**/ 1, 1, 0, 0, /**/ 0, 0, 0, 0};
    struct metrics m;
    make(&m);
    assert_memory_equal(m.confusion, want, sizeof want);
    assert_int_equal(metrics_n_predicted(&m), 2);
    metrics_free(&m);
}

static void test_metrics__class_accuracy_is_no_number_without_images(void **state)
{
    (void)state;
    struct metrics m;
    make(&m);
    expect(metrics_class_accuracy(&m, 0), 2.0 / 3);
    expect(metrics_class_accuracy(&m, 1), 1.0);
    expect(metrics_class_accuracy(&m, 2), 0.0);
    assert_true(isnan(metrics_class_accuracy(&m, 3)));
    metrics_free(&m);
}

static void test_metrics__macro_f1_is_the_mean_over_classes_with_images(void **state)
{
    (void)state;
    struct metrics m;
    make(&m);
    /* tp fp fn: class 0: 2 1 1, class 1: 1 2 0, class 2: 0 0 2 */
    expect(metrics_macro_f1(&m), (4.0 / 6 + 2.0 / 4 + 0.0) / 3);
    metrics_free(&m);
}

static void test_metrics__a_class_without_images_still_takes_wrong_predictions(void **state)
{
    (void)state;
    const float logits[2][2] = {{1, 0}, {0, 1}};
    const int64_t labels[2] = {0, 0};
    struct metrics m;
    assert_int_equal(metrics_create(&m, 0, 2), OK);
    metrics_add(&m, &logits[0][0], labels, 2);
    expect(metrics_macro_f1(&m), 2.0 / 3); /* of class 0 alone: tp 1, fn 1 */
    assert_int_equal(metrics_n_predicted(&m), 2);
    metrics_free(&m);
}

static void test_metrics__of_equal_logits_the_lowest_label_wins(void **state)
{
    (void)state;
    assert_int_equal(metrics_predict((const float[]){1, 3, 3, 2}, 4), 1);
    assert_int_equal(metrics_predict((const float[]){-1, -1, -1}, 3), 0);
    assert_int_equal(metrics_predict((const float[]){-5, -2, -1}, 3), 2);
    assert_int_equal(metrics_predict((const float[]){7}, 1), 0);
}

static void test_metrics__without_images_accuracy_is_zero(void **state)
{
    (void)state;
    struct metrics m;
    assert_int_equal(metrics_create(&m, N, K), OK);
    expect(metrics_accuracy(&m, N), 0.0);
    expect(metrics_macro_f1(&m), 0.0);
    assert_int_equal(metrics_n_predicted(&m), 0);
    metrics_free(&m);
}

static void test_metrics__harmonic_mean_of_nothing_is_nothing(void **state)
{
    (void)state;
    expect(harmonic_mean(0.5, 1.0), 2.0 / 3);
    expect(harmonic_mean(0.8, 0.8), 0.8);
    expect(harmonic_mean(0.0, 1.0), 0.0);
    expect(harmonic_mean(0.0, 0.0), 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics__accuracy_is_counted_per_iteration),
        cmocka_unit_test(test_metrics__confusion_has_true_classes_as_rows),
        cmocka_unit_test(test_metrics__class_accuracy_is_no_number_without_images),
        cmocka_unit_test(test_metrics__macro_f1_is_the_mean_over_classes_with_images),
        cmocka_unit_test(test_metrics__a_class_without_images_still_takes_wrong_predictions),
        cmocka_unit_test(test_metrics__of_equal_logits_the_lowest_label_wins),
        cmocka_unit_test(test_metrics__without_images_accuracy_is_zero),
        cmocka_unit_test(test_metrics__harmonic_mean_of_nothing_is_nothing),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
