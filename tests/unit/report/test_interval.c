/* Intervals against numbers of scipy 1.17.1 (stats.norm.interval and stats.t.interval, with numpy's std(ddof=1)). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "prompt/report/interval.h"

static void expect(double got, double want)
{
    if (!(fabs(got - want) <= 1e-11 * fmax(1.0, fabs(want))))
        fail_msg("%.17g, expected %.17g", got, want);
}

static void test_quantiles_of_student(void **state)
{
    static const struct {
        size_t n_degrees;
        double t;
    } known[] = {{1, 12.706204736174694}, {2, 4.302652729749462},   {3, 3.1824463052837078},
                 {4, 2.7764451051977934}, {5, 2.5705818356363146},  {9, 2.262157162798205},
                 {29, 2.045229642132703}, {100, 1.9839715185235518}};
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        expect(student_t95(known[i].n_degrees), known[i].t);
}

static void test_over_pictures(void **state)
{
    const double d[] = {1, 0, 0, -1, 1, 1, 0, 0};
    const struct interval v = interval_normal(d, 8);
    (void)state;
    expect(v.mean, 0.25);
    expect(v.low, -0.2399909961350135);
    expect(v.high, 0.7399909961350135);
    assert_int_equal(v.n, 8);
}

static void test_over_seeds(void **state)
{
    const double d[] = {2.5, -1.25, 4.0};
    const struct interval v = interval_student(d, 3);
    (void)state;
    expect(v.mean, 1.75);
    expect(v.low, -4.9675144212722);
    expect(v.high, 8.467514421272199);
    expect(sample_sd(d, 3), 2.704163456597992);
}

static void test_one_difference_has_no_interval(void **state)
{
    const double d[] = {2.5};
    const struct interval over_pictures = interval_normal(d, 1), over_seeds = interval_student(d, 1);
    (void)state;
    expect(over_seeds.mean, 2.5);
    assert_true(isnan(over_pictures.low) && isnan(over_pictures.high));
    assert_true(isnan(over_seeds.low) && isnan(over_seeds.high));
    assert_true(isnan(interval_student(d, 0).mean));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles_of_student),
        cmocka_unit_test(test_over_pictures),
        cmocka_unit_test(test_over_seeds),
        cmocka_unit_test(test_one_difference_has_no_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
