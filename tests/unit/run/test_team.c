/* The number of threads that compute beside other programs, on a simulated machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prompt/run/team.h"

/* A machine whose other programs keep `n_others` of its processors busy. */
struct machine {
    int64_t n_processors, n_others;
    double work_s; /* of an image on one thread */
    double now_s, delay_s;
    double waits; /* threads that wait for a processor although nothing else computes */
};

/* The time of an image: threads beyond the free processors hold all others up. */
static double image_s(const struct machine *m, int64_t n)
{
    const int64_t n_free = m->n_processors - m->n_others;
    const double alone_s = m->work_s / (double)n;
    return n <= n_free || n == 1 ? alone_s : 3.0 * m->work_s;
}

/* Computes for `seconds` and returns the images a second. */
static double compute(struct team *t, struct machine *m, double seconds)
{
    const double end_s = m->now_s + seconds, began_s = m->now_s;
    int64_t n_images = 0;
    while (m->now_s < end_s) {
        const double took_s = 4.0 * image_s(m, t->n);
        const int64_t n_too_many = t->n + m->n_others - m->n_processors;
        m->now_s += took_s;
        m->delay_s += took_s * (m->waits + (n_too_many > 0 ? 0.6 * (double)n_too_many : 0.0));
        n_images += 4;
        if (team_add(t, took_s, 4))
            team_choose(t, m->now_s, m->delay_s);
    }
    return (double)n_images / (m->now_s - began_s);
}

static void test_team__alone_all_threads_compute(void **state)
{
    (void)state;
    struct machine m = {.n_processors = 8, .work_s = 0.01, .now_s = 1.0};
    struct team t;
    team_open(&t, 8, false);
    for (int i = 0; i < 1000; i++) {
        compute(&t, &m, 0.1);
        assert_int_equal(t.n, 8);
    }
}

static void test_team__beside_others_it_finds_the_fastest_number(void **state)
{
    (void)state;
    static const struct {
        int64_t n_processors, n_others;
    } machines[] = {{2, 1}, {2, 2}, {8, 1}, {8, 3}, {8, 7}, {64, 1}, {64, 40}};
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
        struct machine m = {machines[i].n_processors, machines[i].n_others, 0.02, 1.0, 0.0, 0.0};
        const int64_t n_free = m.n_processors - m.n_others, n_best = n_free > 0 ? n_free : 1;
        struct team t;
        team_open(&t, m.n_processors, false);
        compute(&t, &m, 30.0);
        const double rate = compute(&t, &m, 300.0);
        assert_true(rate >= 0.8 / image_s(&m, n_best));
    }
}

static void test_team__long_steps_are_seldom_tried(void **state)
{
    (void)state;
    struct machine m = {.n_processors = 2, .n_others = 1, .work_s = 1.0, .now_s = 1.0};
    struct team t;
    team_open(&t, 2, false);
    compute(&t, &m, 100.0);
    assert_true(compute(&t, &m, 2000.0) >= 0.9 / image_s(&m, 1));
}

static void test_team__when_the_others_have_ended_all_threads_compute_again(void **state)
{
    (void)state;
    struct machine m = {.n_processors = 8, .n_others = 6, .work_s = 0.02, .now_s = 1.0};
    struct team t;
    team_open(&t, 8, false);
    compute(&t, &m, 60.0);
    assert_true(t.n < 8);
    m.n_others = 0;
    compute(&t, &m, 120.0);
    assert_int_equal(t.n, 8);
}

static void test_team__threads_that_wait_without_being_slower_stay(void **state)
{
    (void)state;
    struct machine m = {.n_processors = 4, .work_s = 0.01, .now_s = 1.0, .waits = 1.0};
    struct team t;
    team_open(&t, 4, false);
    assert_true(compute(&t, &m, 300.0) >= 0.97 / image_s(&m, 4));
}

static void test_team__a_fixed_number_stays(void **state)
{
    (void)state;
    struct team t;
    team_open(&t, 8, true);
    for (int i = 0; i < 100; i++)
        assert_false(team_note(&t, 10.0, 4));
    assert_int_equal(t.n, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_team__alone_all_threads_compute),
        cmocka_unit_test(test_team__beside_others_it_finds_the_fastest_number),
        cmocka_unit_test(test_team__long_steps_are_seldom_tried),
        cmocka_unit_test(test_team__when_the_others_have_ended_all_threads_compute_again),
        cmocka_unit_test(test_team__threads_that_wait_without_being_slower_stay),
        cmocka_unit_test(test_team__a_fixed_number_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
