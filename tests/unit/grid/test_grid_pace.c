/* The time that is left, from the runs that have ended. */
#include "report_files.h"

#include "prompt/grid/pace.h"

static void test_grid_pace__the_pace_is_that_of_the_row_or_of_all(void **state)
{
    (void)state;
    struct grid_pace p;
    must(grid_pace_open(&p, 3));
    assert_true(grid_pace_seconds(&p, 0, 100.0) == 0.0); /* nothing has ended */
    grid_pace_add(&p, 0, 10.0, 5.0);
    grid_pace_add(&p, 0, 30.0, 11.0);
    grid_pace_add(&p, 1, 60.0, 84.0);
    assert_true(grid_pace_seconds(&p, 0, 100.0) == 40.0);  /* 16 s for 40 */
    assert_true(grid_pace_seconds(&p, 1, 100.0) == 140.0); /* 84 s for 60 */
    assert_true(grid_pace_seconds(&p, 2, 100.0) == 100.0); /* 100 s for 100 of all */
    grid_pace_free(&p);
}

static void test_grid_pace__what_is_left_is_shared_by_the_slots(void **state)
{
    (void)state;
    assert_true(grid_pace_left(60.0, (const double[]){20.0, 40.0}, 2) == 60.0); /* (60 + 20 + 40) / 2 */
    assert_true(grid_pace_left(10.0, (const double[]){0.0, 90.0}, 2) ==
                90.0);                                                     /* one run takes longer than all */
    assert_true(grid_pace_left(30.0, (const double[]){-50.0}, 1) == 30.0); /* late already: it may end now */
    assert_true(grid_pace_left(0.0, (const double[]){0.0, 0.0}, 2) == 0.0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test(test_grid_pace__##name)
    const struct CMUnitTest tests[] = {
        TEST(the_pace_is_that_of_the_row_or_of_all),
        TEST(what_is_left_is_shared_by_the_slots),
    };
    return cmocka_run_group_tests_name("grid_pace", tests, NULL, NULL);
}
