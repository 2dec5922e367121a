/* Sets of processors, from their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prompt/base/core_set.h"

static struct core_set parsed(const char *text)
{
    struct core_set s;
    assert_int_equal(core_set_parse(&s, text), OK);
    return s;
}

static void test_core_set__ranges_are_joined_by_a_plus(void **state)
{
    (void)state;
    const struct core_set s = parsed("0-3+8+62-65");
    assert_int_equal(core_set_count(&s), 9);
    assert_true(core_set_has(&s, 3) && core_set_has(&s, 8) && core_set_has(&s, 64));
    assert_false(core_set_has(&s, 4) || core_set_has(&s, 66) || core_set_has(&s, CORE_SET_SIZE));
}

static void test_core_set__anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",   "a",    "0-",     "-1",  "3-1",        "0,1",
                                        "0+", "1024", "0-1024", "0 1", "99999999999"};
    struct core_set s;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(core_set_parse(&s, wrong[i]), ERR_USAGE);
}

static void test_core_set__the_first_of_another_or_not_of_it(void **state)
{
    (void)state;
    const struct core_set a = parsed("2-5"), b = parsed("4-9"), c = parsed("6");
    assert_int_equal(core_set_first(&a, &b, true), 4);
    assert_int_equal(core_set_first(&a, &b, false), 2);
    assert_int_equal(core_set_first(&a, &c, true), CORE_SET_SIZE);
    assert_int_equal(core_set_first(&c, &b, false), CORE_SET_SIZE);
}

static void test_core_set__cores_are_at_most_the_processors(void **state)
{
    (void)state;
    struct core_set allowed;
    core_set_allowed(&allowed, 0);
    assert_in_range(core_set_cores(&allowed), 1, core_set_count(&allowed));
    assert_true(core_set_apply(&allowed));
}

int main(void)
{
#define TEST(name) cmocka_unit_test(test_core_set__##name)
    const struct CMUnitTest tests[] = {
        TEST(ranges_are_joined_by_a_plus),
        TEST(anything_else_is_refused),
        TEST(the_first_of_another_or_not_of_it),
        TEST(cores_are_at_most_the_processors),
    };
    return cmocka_run_group_tests_name("core_set", tests, NULL, NULL);
}
