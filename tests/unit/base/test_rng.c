/* Python's random and the counter-based generator. Vectors of the first: CPython 3.11; of the second:
 * Random123. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/error.h"
#include "prompt/base/rng.h"

/* ---------------------------------------------------------------- Python's random */

static void test_rng__python_outputs_are_cpythons(void **state)
{
    (void)state;
    const uint32_t want[] = {577090037U, 2444712010U, 3639700191U, 3445702192U};
    struct python_random r;
    python_random_seed(&r, 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(python_random_u32(&r), want[i]);
    /* 1,000 outputs on, past the first refill of the state: random.seed(0); [getrandbits(32) for 1001][-1] */
    python_random_seed(&r, 0);
    for (int i = 0; i < 1000; i++)
        (void)python_random_u32(&r);
    assert_int_equal(python_random_u32(&r), 126175447U);
    python_random_seed(&r, UINT32_MAX);
    assert_int_equal(python_random_u32(&r), 2728839433U);
}

static void expect_sample(size_t n, size_t k, const size_t *want)
{
    struct python_random r;
    size_t got[16];
    python_random_seed(&r, 1);
    assert_int_equal(python_random_sample(got, &r, n, k), OK);
    for (size_t i = 0; i < k; i++)
        assert_int_equal(got[i], want[i]);
}

static void test_rng__python_sample_draws_from_a_pool_up_to_its_limit(void **state)
{
    (void)state;
    expect_sample(20, 16, (const size_t[]){4, 18, 2, 8, 3, 7, 12, 14, 13, 10, 6, 15, 1, 16, 0, 9});
    expect_sample(85, 16, (const size_t[]){17, 72, 8, 32, 15, 63, 57, 60, 48, 26, 12, 62, 3, 49, 55, 0});
}

static void test_rng__python_sample_redraws_beyond_the_limit(void **state)
{
    (void)state;
    expect_sample(86, 16, (const size_t[]){17, 72, 8, 32, 15, 63, 57, 60, 83, 48, 26, 12, 62, 3, 49, 55});
    expect_sample(200, 16,
                  (const size_t[]){34, 145, 195, 16, 65, 30, 126, 194, 115, 120, 166, 97, 53, 24, 124, 7});
}

static void test_rng__python_sample_refuses_more_than_there_is(void **state)
{
    (void)state;
    struct python_random r;
    size_t got[4];
    python_random_seed(&r, 1);
    assert_int_equal(python_random_sample(got, &r, 3, 4), ERR_USAGE);
    assert_int_equal(python_random_sample(got, &r, 0, 0), OK);
}

/* ---------------------------------------------------------------- Philox */

static void test_rng__philox_blocks_are_random123s(void **state)
{
    (void)state;
    const struct {
        uint32_t counter[4];
        uint32_t key[2];
        uint32_t want[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U}},
        {{0xffffffffU, 0xffffffffU, 0xffffffffU, 0xffffffffU},
         {0xffffffffU, 0xffffffffU},
         {0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU}},
        {{0x243f6a88U, 0x85a308d3U, 0x13198a2eU, 0x03707344U},
         {0xa4093822U, 0x299f31d0U},
         {0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U}},
    };
    for (size_t v = 0; v < 3; v++) {
        struct rng r = {.used = 4};
        memcpy(r.counter, vectors[v].counter, sizeof r.counter);
        memcpy(r.key, vectors[v].key, sizeof r.key);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(rng_u32(&r), vectors[v].want[i]);
    }
}

static void test_rng__streams_lie_where_the_contract_says(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 0x1122334455667788U, RNG_AUGMENT, 7, 0x00aabbccddeeff00U);
    const struct rng want = {
        .key = {0x55667788U, 0x11223344U},
        .counter = {0, 0xddeeff00U, 7, 0x03aabbccU},
        .used = 4,
    };
    assert_memory_equal(r.key, want.key, sizeof r.key);
    assert_memory_equal(r.counter, want.counter, sizeof r.counter);
    for (int i = 0; i < 5; i++)
        (void)rng_u32(&r);
    assert_int_equal(r.counter[0], 2); /* the next block to make */
}

static void test_rng__every_part_of_the_name_makes_another_stream(void **state)
{
    (void)state;
    struct rng streams[6];
    rng_init(&streams[0], 0, RNG_ORDER, 0, 0);
    rng_init(&streams[1], 1, RNG_ORDER, 0, 0);
    rng_init(&streams[2], (uint64_t)1 << 32, RNG_ORDER, 0, 0);
    rng_init(&streams[3], 0, RNG_AUGMENT, 0, 0);
    rng_init(&streams[4], 0, RNG_ORDER, 1, 0);
    rng_init(&streams[5], 0, RNG_ORDER, 0, 1);
    uint32_t first[6];
    for (size_t i = 0; i < 6; i++) {
        first[i] = rng_u32(&streams[i]);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(first[i], first[j]);
    }
}

static void test_rng__uniform_fills_the_unit_interval(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 5, RNG_INIT, 0, 0);
    double sum = 0.0;
    double least = 1.0;
    double most = 0.0;
    for (int i = 0; i < 100000; i++) {
        double u = rng_uniform(&r);
        sum += u;
        least = fmin(least, u);
        most = fmax(most, u);
    }
    assert_true(least >= 0.0 && least < 1e-3);
    assert_true(most < 1.0 && most > 1.0 - 1e-3);
    assert_true(fabs(sum / 100000 - 0.5) < 5 * sqrt(1.0 / 12 / 100000));
}

static void test_rng__below_is_uniform_where_remainders_would_not_be(void **state)
{
    (void)state;
    const uint64_t n =
        3 * ((uint64_t)1 << 62); /* 2^64 mod n = 2^62: a plain remainder favours the lowest third */
    struct rng r;
    rng_init(&r, 6, RNG_INIT, 0, 0);
    int n_low = 0;
    for (int i = 0; i < 30000; i++) {
        uint64_t drawn = rng_below(&r, n);
        assert_true(drawn < n);
        n_low += drawn < n / 3;
    }
    assert_true(abs(n_low - 10000) < 500); /* 6 standard deviations; the biased share would be 15,000 */
    assert_int_equal(rng_below(&r, 1), 0);
}

static void test_rng__normal_has_the_moments_of_a_normal(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 7, RNG_INIT, 0, 0);
    const int n = 100000;
    double sums[4] = {0};
    for (int i = 0; i < n; i++) {
        double x = rng_normal(&r);
        double power = 1.0;
        for (int p = 0; p < 4; p++)
            sums[p] += power *= x;
    }
    assert_true(fabs(sums[0] / n) < 0.02);
    assert_true(fabs(sums[1] / n - 1.0) < 0.03);
    assert_true(fabs(sums[2] / n) < 0.08);
    assert_true(fabs(sums[3] / n - 3.0) < 0.2);
}

static void test_rng__shuffle_is_a_permutation_with_every_order_in_reach(void **state)
{
    (void)state;
    int n_seen[6] = {0};
    for (uint64_t seed = 0; seed < 6000; seed++) {
        struct rng r;
        size_t order[3] = {0, 1, 2};
        rng_init(&r, seed, RNG_ORDER, 0, 0);
        rng_shuffle(&r, order, 3);
        assert_int_equal((1U << order[0]) | (1U << order[1]) | (1U << order[2]), 7);
        n_seen[order[0] * 2 + (order[1] > order[2])]++;
    }
    for (int i = 0; i < 6; i++)
        assert_true(abs(n_seen[i] - 1000) < 180); /* 6 standard deviations */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rng__python_outputs_are_cpythons),
        cmocka_unit_test(test_rng__python_sample_draws_from_a_pool_up_to_its_limit),
        cmocka_unit_test(test_rng__python_sample_redraws_beyond_the_limit),
        cmocka_unit_test(test_rng__python_sample_refuses_more_than_there_is),
        cmocka_unit_test(test_rng__philox_blocks_are_random123s),
        cmocka_unit_test(test_rng__streams_lie_where_the_contract_says),
        cmocka_unit_test(test_rng__every_part_of_the_name_makes_another_stream),
        cmocka_unit_test(test_rng__uniform_fills_the_unit_interval),
        cmocka_unit_test(test_rng__below_is_uniform_where_remainders_would_not_be),
        cmocka_unit_test(test_rng__normal_has_the_moments_of_a_normal),
        cmocka_unit_test(test_rng__shuffle_is_a_permutation_with_every_order_in_reach),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
