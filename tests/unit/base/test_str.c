/* Numbers in text, and the word that was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prompt/base/error.h"
#include "prompt/base/str.h"

static void test_str__a_number_is_the_whole_text(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " 1", "1 ", "+ 1", "1x", "0x", "9223372036854775808"};
    int64_t n = 0;
    double x = 0.0;
    assert_int_equal(str_parse_i64(&n, "-12"), OK);
    assert_int_equal(n, -12);
    assert_int_equal(str_parse_f64(&x, "2.5e-3"), OK);
    assert_true(x == 2.5e-3);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_not_equal(str_parse_i64(&n, bad[i]), OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0] - 2; i++)
        assert_int_not_equal(str_parse_f64(&x, bad[i]), OK);
    assert_int_not_equal(str_parse_f64(&x, "1e999"), OK);
}

static void test_str__distance_counts_edits(void **state)
{
    (void)state;
    assert_int_equal(str_distance("", "abc"), 3);
    assert_int_equal(str_distance("abc", "abc"), 0);
    assert_int_equal(str_distance("abc", "abxc"), 1);  /* insert */
    assert_int_equal(str_distance("abc", "ac"), 1);    /* delete */
    assert_int_equal(str_distance("abc", "axc"), 1);   /* replace */
    assert_int_equal(str_distance("abcd", "acbd"), 1); /* swap of neighbours */
    assert_int_equal(str_distance("kitten", "sitting"), 3);
}

static void test_str__the_nearest_word_is_near(void **state)
{
    (void)state;
    static const char *const words[] = {"train", "results", "eval"};
    assert_string_equal(str_nearest("trian", words, 3), "train");
    assert_string_equal(str_nearest("eva", words, 3), "eval");
    assert_string_equal(str_nearest("rxxults", words, 3), "results"); /* two edits of seven letters */
    assert_string_equal(str_nearest("rxxxlts", words, 3), "results"); /* three: the most that is near */
    assert_null(str_nearest("rxxxxts", words, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_str__a_number_is_the_whole_text),
        cmocka_unit_test(test_str__distance_counts_edits),
        cmocka_unit_test(test_str__the_nearest_word_is_near),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
