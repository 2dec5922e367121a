/* What precision bf16 computes products in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "precision.h"
#include "prompt/run/bench.h"

static void test_precision__products_in_bf16_must_be_clearly_faster(void **state)
{
    (void)state;
    const struct {
        struct bench_bf16 rates;
        bool pays;
    } cases[] = {
        {{.bf16 = 165e9, .fp32 = 290e9}, false}, /* AVX512-BF16 of Intel without AMX */
        {{.bf16 = 300e9, .fp32 = 290e9}, false},
        {{.bf16 = 420e9, .fp32 = 210e9}, true}, /* Zen 4 */
        {{.bf16 = 0.0, .fp32 = 0.0}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(bench_bf16_pays(&cases[i].rates), cases[i].pays);
}

static void test_precision__dtypes(void **state)
{
    (void)state;
    const struct {
        enum precision precision;
        enum products products;
        enum dtype compute;
        bool has_bf16_weights;
    } cases[] = {
        {PRECISION_FP32, PRODUCTS_AUTO, DTYPE_F32, false},  {PRECISION_FP16, PRODUCTS_AUTO, DTYPE_F16, false},
        {PRECISION_BF16, PRODUCTS_AUTO, DTYPE_BF16, false}, /* on a GPU */
        {PRECISION_BF16, PRODUCTS_BF16, DTYPE_BF16, false}, {PRECISION_BF16, PRODUCTS_FP32, DTYPE_F32, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct config c = {.precision = cases[i].precision, .products = cases[i].products};
        const struct clip_dtypes found = precision_dtypes(&c);
        assert_int_equal(found.compute, cases[i].compute);
        assert_int_equal(found.accum, DTYPE_F32);
        assert_int_equal(found.has_bf16_weights, cases[i].has_bf16_weights);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precision__products_in_bf16_must_be_clearly_faster),
        cmocka_unit_test(test_precision__dtypes),
    };
    return cmocka_run_group_tests_name("precision_choice", tests, NULL, NULL);
}
