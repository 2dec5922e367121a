/* Templates from a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/data/templates.h"
#include "temp_dir.h"

static int read_text(struct templates *out, struct temp_dir *dir, const char *text)
{
    const char *path = temp_path(dir, "templates.txt");
    assert_int_equal(file_write_atomic(path, text, strlen(text)), OK);
    return templates_read(out, path);
}

static void test_templates__one_a_line_whatever_ends_it(void **state)
{
    struct templates a, b;
    assert_int_equal(read_text(&a, *state, "a photo of a {}.\nart of the {}.\n"), OK);
    assert_int_equal(read_text(&b, *state, "\r\na photo of a {}.\r\n \t\nart of the {}."), OK);
    assert_int_equal(a.n, 2);
    assert_string_equal(a.items[0], "a photo of a {}.");
    assert_string_equal(a.items[1], "art of the {}.");
    assert_int_equal(b.n, 2);
    assert_string_equal(b.items[1], "art of the {}.");
    assert_string_equal(a.sha256, b.sha256);
    /* printf 'a photo of a {}.\nart of the {}.\n' | sha256sum */
    assert_string_equal(a.sha256, "6fc11d3a495d79308ced7005437978797e4dbfbb97e40349887a36eb92f2102c");
    templates_free(&a);
    templates_free(&b);
    assert_int_equal(read_text(&a, *state, "art of the {}.\na photo of a {}.\n"), OK);
    assert_string_not_equal(a.sha256, b.sha256);
    templates_free(&a);
}

static void expect_refused(struct temp_dir *dir, const char *text, const char *says)
{
    struct templates t;
    assert_int_equal(read_text(&t, dir, text), ERR_FORMAT);
    assert_non_null(strstr(error_message(), says));
    assert_null(t.items);
}

static void test_templates__refuses_what_is_no_sentence_with_one_hole(void **state)
{
    expect_refused(*state, "a {}.\n\na photo\n",
                   "templates.txt':3: expected a sentence with one {}, found \"a photo\"");
    expect_refused(*state, "{} and {}",
                   "templates.txt':1: expected a sentence with one {}, found \"{} and {}\"");
    expect_refused(*state, "\n \n", "templates.txt': expected templates, one a line, found none");
}

static int setup(void **state)
{
    static struct temp_dir dir;
    *state = &dir;
    return temp_dir_open(&dir);
}

static int teardown(void **state)
{
    temp_remove(*state, "templates.txt");
    return temp_dir_close(*state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_templates__one_a_line_whatever_ends_it),
        TEST(test_templates__refuses_what_is_no_sentence_with_one_hole),
    };
    return cmocka_run_group_tests_name("templates", tests, NULL, NULL);
}
