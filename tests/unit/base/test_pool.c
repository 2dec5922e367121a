/* The pool of threads: every piece once, the failure of the lowest piece, and no piece after the pool is closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "prompt/base/pool.h"

#define N_PIECES 200

struct job {
    int n_done[N_PIECES]; /* each by the thread that has the piece: no lock */
    int64_t fails_from;   /* pieces from here on fail; N_PIECES: none does */
    pthread_barrier_t *together;
    int n_begun[N_PIECES];
    int64_t gated_piece; /* waits for the gate */
    sem_t gate;
};

static int work(void *context, int64_t piece)
{
    struct job *job = context;
    if (job->together)
        pthread_barrier_wait(job->together);
    job->n_done[piece]++;
    return piece < job->fails_from ? OK : error_set(ERR_FORMAT, "piece %d", (int)piece);
}

static void check_done(const struct job *job, int64_t n, int times)
{
    for (int64_t i = 0; i < N_PIECES; i++)
        assert_int_equal(job->n_done[i], i < n ? times : 0);
}

static void test_pool__does_every_piece_once(void **state)
{
    (void)state;
    for (int64_t n_threads = 1; n_threads <= 4; n_threads++) {
        struct pool *pool;
        struct job job = {.fails_from = N_PIECES};
        assert_int_equal(pool_open(&pool, n_threads), OK);
        for (int times = 1; times <= 20; times++) {
            pool_start(pool, work, &job, N_PIECES);
            assert_int_equal(pool_wait(pool), OK);
            check_done(&job, N_PIECES, times);
        }
        pool_close(pool);
    }
}

static void test_pool__has_as_many_threads_as_asked_for(void **state)
{
    (void)state;
    struct pool *pool;
    pthread_barrier_t together;
    assert_int_equal(pthread_barrier_init(&together, NULL, 3), 0);
    struct job job = {.fails_from = N_PIECES, .together = &together};
    assert_int_equal(pool_open(&pool, 3), OK);
    pool_start(pool, work, &job, 9); /* with fewer threads it would wait forever */
    assert_int_equal(pool_wait(pool), OK);
    check_done(&job, 9, 1);
    pool_close(pool);
    pthread_barrier_destroy(&together);
}

static void test_pool__reports_the_lowest_piece_that_failed(void **state)
{
    (void)state;
    struct pool *pool;
    assert_int_equal(pool_open(&pool, 4), OK);
    for (int64_t from = 0; from < 20; from++) {
        struct job job = {.fails_from = from};
        char expected[32];
        snprintf(expected, sizeof expected, "piece %d", (int)from);
        pool_start(pool, work, &job, N_PIECES);
        assert_int_equal(pool_wait(pool), ERR_FORMAT);
        assert_string_equal(error_message(), expected);
        for (int64_t i = 0; i <= from; i++)
            assert_int_equal(job.n_done[i], 1);

        struct job again = {.fails_from = N_PIECES}; /* the failure does not stay */
        pool_start(pool, work, &again, 10);
        assert_int_equal(pool_wait(pool), OK);
        check_done(&again, 10, 1);
    }
    pool_close(pool);
}

static void test_pool__drops_what_is_not_begun_when_it_closes(void **state)
{
    (void)state;
    struct pool *pool;
    struct job job = {.fails_from = N_PIECES};
    assert_int_equal(pool_open(&pool, 2), OK);
    pool_start(pool, work, &job, N_PIECES);
    pool_close(pool);
    for (int64_t i = 0; i < N_PIECES; i++) /* read without a lock: no thread is left */
        assert_in_range(job.n_done[i], 0, 1);
}

static int work_after_gate(void *context, int64_t piece)
{
    struct job *job = context;
    if (piece == job->gated_piece)
        sem_wait(&job->gate);
    job->n_done[piece]++;
    return OK;
}

static void test_pool__waits_for_the_first_pieces_alone(void **state)
{
    (void)state;
    struct pool *pool;
    struct job job = {.gated_piece = 7};
    assert_int_equal(sem_init(&job.gate, 0, 0), 0);
    assert_int_equal(pool_open(&pool, 3), OK);
    pool_start(pool, work_after_gate, &job, 5);
    assert_int_equal(pool_wait_until(pool, 5), OK);
    check_done(&job, 5, 1);
    pool_extend(pool, 20);
    assert_int_equal(pool_wait_until(pool, 7), OK); /* would wait forever for the eighth */
    for (int64_t i = 0; i < 7; i++)
        assert_int_equal(job.n_done[i], 1);
    sem_post(&job.gate);
    assert_int_equal(pool_wait_until(pool, 8), OK);
    assert_int_equal(job.n_done[7], 1);
    assert_int_equal(pool_wait(pool), OK);
    check_done(&job, 20, 1);
    pool_close(pool);
    sem_destroy(&job.gate);
}

static int work_slowly(void *context, int64_t piece)
{
    struct job *job = context;
    job->n_begun[piece]++;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    job->n_done[piece]++;
    return OK;
}

static void test_pool__stops_when_the_pieces_that_began_are_done(void **state)
{
    (void)state;
    struct pool *pool;
    struct job job = {0};
    assert_int_equal(pool_open(&pool, 2), OK);
    pool_start(pool, work_slowly, &job, N_PIECES);
    assert_int_equal(pool_wait_until(pool, 1), OK); /* others have begun */
    assert_int_equal(pool_stop(pool), OK);
    assert_int_equal(job.n_begun[N_PIECES - 1], 0);
    for (int64_t i = 0; i < N_PIECES; i++)
        assert_int_equal(job.n_done[i], job.n_begun[i]);

    struct job again = {.fails_from = N_PIECES};
    pool_start(pool, work, &again, 10);
    assert_int_equal(pool_wait(pool), OK);
    check_done(&again, 10, 1);
    pool_close(pool);
}

static int fail_at_five(void *context, int64_t piece)
{
    struct job *job = context;
    job->n_done[piece]++;
    return piece == 5 ? error_set(ERR_FORMAT, "five") : OK;
}

static void test_pool__adds_no_piece_after_a_failure(void **state)
{
    (void)state;
    struct pool *pool;
    struct job job = {0};
    assert_int_equal(pool_open(&pool, 2), OK);
    pool_start(pool, fail_at_five, &job, 10);
    assert_int_equal(pool_wait_until(pool, 10), ERR_FORMAT);
    pool_extend(pool, 20);
    assert_int_equal(pool_wait(pool), ERR_FORMAT);
    assert_string_equal(error_message(), "five");
    for (int64_t i = 10; i < N_PIECES; i++)
        assert_int_equal(job.n_done[i], 0);
    pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool__does_every_piece_once),
        cmocka_unit_test(test_pool__has_as_many_threads_as_asked_for),
        cmocka_unit_test(test_pool__reports_the_lowest_piece_that_failed),
        cmocka_unit_test(test_pool__drops_what_is_not_begun_when_it_closes),
        cmocka_unit_test(test_pool__waits_for_the_first_pieces_alone),
        cmocka_unit_test(test_pool__stops_when_the_pieces_that_began_are_done),
        cmocka_unit_test(test_pool__adds_no_piece_after_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
