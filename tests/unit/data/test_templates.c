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

static void test_templates__a_byte_order_mark_is_no_text(void **state)
{
    struct templates with, without;
    assert_int_equal(read_text(&with, *state,
                               "\xef\xbb\xbf"
                               "a photo of a {}.\n"),
                     OK);
    assert_int_equal(read_text(&without, *state, "a photo of a {}.\n"), OK);
    assert_string_equal(with.items[0], "a photo of a {}.");
    assert_string_equal(with.sha256, without.sha256);
    templates_free(&with);
    templates_free(&without);
}

static void test_templates__lines_of_source_code_are_shown_as_they_should_be(void **state)
{
    const struct {
        const char *line, *meant;
    } cases[] = {
        {"\"a photo of a {}.\",", "a photo of a {}."},
        {"    'a bad photo of a {}.',", "a bad photo of a {}."},
        {"'a photo of a {}.'", "a photo of a {}."},
        {"lambda c: f'a photo of the {c}.',", "a photo of the {}."},
        {"    lambda name: f\"a photo of the {name}.\"", "a photo of the {}."},
        {"['a photo of a {}.']", "a photo of a {}."},
        {"\"{}\",", "{}"},
        {"'{}'", "{}"},
        {"'a photo of a dog's {}.',", "a photo of a dog's {}."},
        {"a photo of a {}.,", "a photo of a {}."},
        {"a photo of a {0}.", "a photo of a {}."},
        {"a photo of a {class name}.", "a photo of a {}."},
        {"a photo of a %s.", "a photo of a {}."},
        {"{\"t\": [\"a photo of a {}.\"]}", "a photo of a {}."},
        {"t.append('a photo of a {}.')", "a photo of a {}."},
        {"return \"a photo of a {}.\"", "a photo of a {}."},
        {"`a photo of a {}.`", "a photo of a {}."},
        {"0,\"a photo of a {}.\"", "a photo of a {}."},
        {"\u201ca photo of a {}.\u201d", "a photo of a {}."},
        {"- a photo of a {}.", "a photo of a {}."},
        {"12. a photo of a {}.", "a photo of a {}."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256], want[256];
        snprintf(text, sizeof text, "art of the {}.\n%s\n", cases[i].line);
        snprintf(want, sizeof want,
                 "templates.txt':2: expected the sentence alone, with {} for the class name: %s (found: %s)",
                 cases[i].meant, cases[i].line);
        expect_refused(*state, text, want);
    }
    struct templates t; /* quotes inside a sentence are part of it */
    assert_int_equal(
        read_text(&t, *state,
                  "a \"{}\".\n'{}' in a photo.\n\"{}\", a photo.\na photo: '{}'.\na {}'s 'photo'.\n"),
        OK);
    assert_int_equal(t.n, 5);
    templates_free(&t);
    expect_refused(*state, "a photo of a {{}}.\n",
                   "templates.txt':1: expected a sentence with one {}, found \"a photo of a {{}}.\"");
    expect_refused(*state, "templates = [\n",
                   "templates.txt':1: expected a sentence with one {}, found \"templates = [\"");
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
        TEST(test_templates__a_byte_order_mark_is_no_text),
        TEST(test_templates__lines_of_source_code_are_shown_as_they_should_be),
    };
    return cmocka_run_group_tests_name("templates", tests, NULL, NULL);
}
