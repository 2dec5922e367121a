/* Exchanges of ranks. Without a launcher there is one; under mpirun the same tests run on each of several. */
#include "prompt/ranks/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "prompt/base/error.h"
#include "prompt/base/share.h"

static struct ranks *of(void **state)
{
    return *state;
}

/* A value of which sums depend on their order. */
static float value_of(int64_t rank, size_t i)
{
    uint64_t x = (uint64_t)rank * 0x9E3779B97F4A7C15U + i * 0xBF58476D1CE4E5B9U + 1;
    x ^= x >> 30;
    x *= 0x94D049BB133111EBU;
    x ^= x >> 31;
    const float mantissa = (float)(x >> 40) / 16777216.0F - 0.5F;
    return mantissa * (float)(1 << (x & 15));
}

/* MPI_Allreduce of 3 ranks has another order at each of these sizes. */
static void test_a_sum_has_the_order_of_the_ranks(void **state)
{
    static const size_t sizes[] = {1, 2, 1000, 1500, 3000, 10000, 140001};
    const int64_t n_ranks = ranks_size(of(state)), rank = ranks_rank(of(state));
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        const size_t n = sizes[k];
        float *floats = malloc(n * sizeof *floats);
        double *doubles = malloc(n * sizeof *doubles);
        assert_true(floats && doubles);
        for (size_t i = 0; i < n; i++)
            floats[i] = (float)(doubles[i] = (double)value_of(rank, i));
        assert_int_equal(ranks_sum(of(state), floats, n, DTYPE_F32), OK);
        assert_int_equal(ranks_sum(of(state), doubles, n, DTYPE_F64), OK);
        for (size_t i = 0; i < n; i++) {
            float sum = value_of(0, i);
            double exact = (double)sum;
            for (int64_t r = 1; r < n_ranks; r++) {
                sum += value_of(r, i);
                exact += (double)value_of(r, i);
            }
            assert_memory_equal(&floats[i], &sum, sizeof sum);
            assert_memory_equal(&doubles[i], &exact, sizeof exact);
        }
        free(floats);
        free(doubles);
    }
}

static void test_blocks_of_different_sizes(void **state)
{
    const int64_t n_ranks = ranks_size(of(state)), rank = ranks_rank(of(state));
    size_t counts[16] = {0}, bytes[16] = {0}, total = 0;
    for (int64_t r = 0; r < n_ranks; r++) {
        counts[r] = (size_t)(3 + 5 * r % 4) * (r != 1); /* the second has none */
        bytes[r] = counts[r] * sizeof(int64_t);
        total += counts[r];
    }
    int64_t own[16], all[64], summed[16];
    size_t first = 0;
    for (int64_t r = 0; r < rank; r++)
        first += counts[r];
    for (size_t i = 0; i < counts[rank]; i++)
        own[i] = 100 * rank + (int64_t)i;
    assert_int_equal(ranks_gather(of(state), all, own, bytes), OK);
    size_t at = 0;
    for (int64_t r = 0; r < n_ranks; r++)
        for (size_t i = 0; i < counts[r]; i++)
            assert_int_equal(all[at++], 100 * r + (int64_t)i);
    assert_int_equal(ranks_sum_block(of(state), summed, all, counts, DTYPE_I64), OK);
    for (size_t i = 0; i < counts[rank]; i++)
        assert_int_equal(summed[i], n_ranks * all[first + i]);
    assert_int_equal(at, total);
}

static void test_texts(void **state)
{
    const int64_t n_ranks = ranks_size(of(state)), rank = ranks_rank(of(state));
    struct str text = {0}, all = {0}, expected = {0};
    size_t sizes[16] = {0};
    for (int64_t i = 0; i < rank; i++)
        str_append(&text, "ab");
    assert_int_equal(ranks_collect(of(state), &all, sizes, text.data, text.len), OK);
    for (int64_t r = 0; r < n_ranks && rank == 0; r++) {
        assert_int_equal(sizes[r], 2 * r);
        for (int64_t i = 0; i < r; i++)
            str_append(&expected, "ab");
    }
    assert_string_equal(str_text(&all), str_text(&expected));
    str_clear(&text);
    str_appendf(&text, "of rank %d", (int)rank);
    assert_int_equal(ranks_broadcast_text(of(state), &text), OK);
    assert_string_equal(str_text(&text), "of rank 0");
    str_free(&text);
    str_free(&all);
    str_free(&expected);
}

static void test_one_failure_is_that_of_all(void **state)
{
    const int64_t n_ranks = ranks_size(of(state)), rank = ranks_rank(of(state));
    assert_int_equal(ranks_agree(of(state), OK), OK);
    assert_int_equal(ranks_agree(of(state), error_set(ERR_IO, "no such file")), ERR_IO);
    assert_string_equal(error_message(), "no such file"); /* of all alike */
    if (n_ranks == 1)
        return;
    error_clear();
    assert_int_equal(ranks_agree(of(state), rank == 1 ? error_set(ERR_FORMAT, "torn") : OK), ERR_FORMAT);
    assert_non_null(strstr(error_message(), "rank 1 on "));
    assert_non_null(strstr(error_message(), ": torn"));
    assert_int_equal(ranks_agree(of(state), error_set(ERR_IO, "file of %d", (int)rank)), ERR_IO);
    assert_non_null(strstr(error_message(), "rank 0 on "));
    assert_non_null(strstr(error_message(), ": file of 0"));
}

static void test_groups(void **state)
{
    const int64_t n_ranks = ranks_size(of(state)), rank = ranks_rank(of(state));
    struct ranks *group = NULL;
    assert_int_equal(ranks_split(&group, of(state), rank / 2), OK);
    const int64_t first = rank - rank % 2, n = first + 1 < n_ranks ? 2 : 1;
    assert_int_equal(ranks_size(group), n);
    assert_int_equal(ranks_rank(group), rank % 2);
    int64_t sum = rank;
    assert_int_equal(ranks_sum(group, &sum, 1, DTYPE_I64), OK);
    assert_int_equal(sum, n == 2 ? 2 * first + 1 : first);
    ranks_leave(group);
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void test_who_waits_sleeps(void **state)
{
    const struct timespec second = {.tv_sec = 1};
    assert_int_equal(ranks_agree(of(state), OK), OK); /* all are here */
    const double before = cpu_seconds(), waited_s = ranks_time(of(state)).wait_s;
    if (ranks_is_first(of(state)))
        nanosleep(&second, NULL);
    assert_int_equal(ranks_agree(of(state), OK), OK);
    assert_true(cpu_seconds() - before < 0.3);
    if (!ranks_is_first(of(state)))
        assert_true(ranks_time(of(state)).wait_s - waited_s > 0.9);
}

static void test_shares(void **state)
{
    (void)state;
    for (int64_t n_parts = 1; n_parts < 9; n_parts++)
        for (int64_t n = 0; n < 20; n++) {
            int64_t at = 0;
            for (int64_t part = 0; part < n_parts; part++) {
                const struct share s = share_of(n, part, n_parts);
                assert_int_equal(s.first, at);
                assert_true(s.n == n / n_parts || s.n == n / n_parts + 1);
                assert_true(n == 0 || s.n <= share_of(n + 1, part, n_parts).n);
                at += s.n;
            }
            assert_int_equal(at, n);
        }
}

static void test_cores(void **state)
{
    const int64_t n = ranks_cores(of(state));
    assert_true(n >= 1);
    assert_true(ranks_local_rank(of(state)) < ranks_local_size(of(state)));
}

/* usage: test_ranks [NUMBER], which must be that of the ranks */
int main(int argc, char **argv)
{
    struct ranks *ranks = NULL;
    int status = ranks_open(&ranks);
    const int64_t expected = argc > 1 ? strtoll(argv[1], NULL, 10) : 1;
    if (status != OK || ranks_size(ranks) != expected) {
        fprintf(stderr, "%d ranks; %s\n", (int)ranks_size(ranks), error_message());
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_shares, ranks),
        cmocka_unit_test_prestate(test_cores, ranks),
        cmocka_unit_test_prestate(test_a_sum_has_the_order_of_the_ranks, ranks),
        cmocka_unit_test_prestate(test_blocks_of_different_sizes, ranks),
        cmocka_unit_test_prestate(test_texts, ranks),
        cmocka_unit_test_prestate(test_one_failure_is_that_of_all, ranks),
        cmocka_unit_test_prestate(test_groups, ranks),
        cmocka_unit_test_prestate(test_who_waits_sleeps, ranks),
    };
    const int n_failed = cmocka_run_group_tests_name("ranks", tests, NULL, NULL);
    if (n_failed > 0) /* the other ranks may be in an exchange */
        abort();
    status = ranks_end(ranks, OK);
    ranks_close(ranks, 0);
    return status == OK ? 0 : 1;
}
