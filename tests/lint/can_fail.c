/* This program must fail (WILL_FAIL in CTest), or the unit tests prove nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_can_fail__one_is_two(void **state)
{
    (void)state;
    assert_int_equal(1, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_can_fail__one_is_two)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
