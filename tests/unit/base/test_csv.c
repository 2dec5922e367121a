/* Rows of CSV files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "prompt/base/csv.h"
#include "prompt/base/file.h"
#include "temp_dir.h"

static const char *write_text(struct temp_dir *dir, const char *text, size_t n)
{
    const char *path = temp_path(dir, "a.csv");
    assert_int_equal(file_write_atomic(path, text, n), OK);
    return path;
}

/* All rows as "line:cell|cell\n". */
static void expect_rows(struct temp_dir *dir, const char *text, const char *want)
{
    struct csv csv;
    struct str rows = {0};
    assert_int_equal(csv_open(&csv, write_text(dir, text, strlen(text))), OK);
    int status = OK;
    while ((status = csv_next(&csv)) == OK && csv.n > 0) {
        str_appendf(&rows, "%zu:", csv.line);
        for (size_t i = 0; i < csv.n; i++)
            str_appendf(&rows, "%s%s", i > 0 ? "|" : "", csv.cells[i]);
        str_append(&rows, "\n");
    }
    if (status != OK)
        fail_msg("%s", error_message());
    assert_string_equal(str_text(&rows), want);
    str_free(&rows);
    csv_close(&csv);
}

static void test_csv__cells_in_quotes_hold_anything(void **state)
{
    expect_rows(*state, "a,\"b, \"\"c\"\"\",\"d\ne\"\r\n\"\",x,\n", "1:a|b, \"c\"|d\ne\n3:|x|\n");
    expect_rows(*state, "\"a\r\nb\",\"c\rd\"\ne,f", "1:a\r\nb|c\rd\n4:e|f\n");
    expect_rows(*state, "5\" disk,0\nit's,\"1\"", "1:5\" disk|0\n2:it's|1\n");
}

static void test_csv__cells_are_trimmed_and_empty_rows_left_out(void **state)
{
    expect_rows(*state, "\xef\xbb\xbf\n a ,\t\" b \" \n \n,,\n\nc,d", "2:a|b\n6:c|d\n");
}

static void test_csv__rows_end_with_any_line_break(void **state)
{
    expect_rows(*state, "a,b\rc,d\r\ne,f\n", "1:a|b\n2:c|d\n3:e|f\n");
}

static void test_csv__finds_the_separator(void **state)
{
    const struct {
        const char *text, *want;
    } cases[] = {
        {"a;b\nc, d;e\n", "1:a|b\n2:c, d|e\n"},
        {"a.jpg;0;cat, dog\n", "1:a.jpg|0|cat, dog\n"},
        {"a.jpg,0,cat; dog\n", "1:a.jpg|0|cat; dog\n"},
        {"e, f.jpg;0\nb.jpg;1\n", "1:e, f.jpg|0\n2:b.jpg|1\n"},
        {"a.jpg\t0\ne, f.jpg\t1\n", "1:a.jpg|0\n2:e, f.jpg|1\n"},
        {"\"a\tb\",c\n\nd,e\n", "1:a\tb|c\n3:d|e\n"},
        {"sep=;\r\na,b;c\n", "2:a,b|c\n"},
        {"\"a;b\"\t\"c,d\"\n", "1:a;b|c,d\n"},
        {"one\ntwo\n", "1:one\n2:two\n"},
        {"a,b\nc,d,e\n", "1:a|b\n2:c|d|e\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_rows(*state, cases[i].text, cases[i].want);
}

static void expect_refused(struct temp_dir *dir, const char *text, const char *says)
{
    struct csv csv;
    assert_int_equal(csv_open(&csv, write_text(dir, text, strlen(text))), OK);
    int status = OK;
    while ((status = csv_next(&csv)) == OK && csv.n > 0)
        ;
    assert_int_equal(status, ERR_FORMAT);
    assert_non_null(strstr(error_message(), says));
    csv_close(&csv);
}

static void test_csv__faults_name_their_line(void **state)
{
    expect_refused(*state, "a,b\nc,\"d\ne,f\n", "a.csv:2: the quote that opens here is not closed");
    expect_refused(*state, "\"a\n\nb\"c,d\n",
                   "a.csv:3: expected a separator or the row's end after the closing quote, "
                   "found 'c'");
    struct csv csv;
    assert_int_equal(csv_open(&csv, write_text(*state, "a,b\nc\0,d\n", 9)), ERR_FORMAT);
    assert_non_null(strstr(error_message(), "a.csv:2: expected text in UTF-8, found a byte of value 0"));
    csv_close(&csv);
}

static void test_csv__rows_have_as_many_cells_as_expected(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"a,b\nc,d\n", ""},
        {"a,b\n\nc\n", "a.csv:3: expected 2 cells, as in the header, found 1"},
        {"a\nb,c\n", "a.csv:2: expected 1 cell, as in the header, found 2: a cell that holds a , is written "
                     "in double quotes"},
        {"a\tb\nc\td\te\n", "found 3: a cell that holds a tab is written in double quotes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct csv csv;
        assert_int_equal(csv_open(&csv, write_text(*state, cases[i].text, strlen(cases[i].text))), OK);
        assert_int_equal(csv_next(&csv), OK);
        csv_expect(&csv, "the header");
        assert_int_equal(csv_next(&csv), i == 0 ? OK : ERR_FORMAT);
        if (i == 0)
            assert_int_equal(csv_next(&csv), OK); /* the end */
        else
            assert_non_null(strstr(error_message(), cases[i].says));
        csv_close(&csv);
    }
}

static void test_csv__writes_what_it_reads(void **state)
{
    static const char *const cells[] = {"plain", "a, b", "say \"hi\"", "two\nlines", "Mot\xc3\xb6rhead"};
    struct str text = {0}, want = {0};
    str_append(&want, "1:");
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        str_append(&text, i > 0 ? "," : "");
        csv_write_text(&text, cells[i]);
        str_appendf(&want, "%s%s", i > 0 ? "|" : "", cells[i]);
    }
    str_append(&want, "\n");
    expect_rows(*state, str_text(&text), str_text(&want));
    str_clear(&text);
    csv_write_text(&text, "caf\xe9\xc3\xa9, \xf0\x9f");
    /* python3: b'caf\xe9\xc3\xa9, \xf0\x9f'.decode('utf-8', 'backslashreplace') */
    assert_string_equal(str_text(&text), "\"caf\\xe9\xc3\xa9, \\xf0\\x9f\"");
    str_free(&text);
    str_free(&want);
}

static int setup(void **state)
{
    static struct temp_dir dir;
    *state = &dir;
    return temp_dir_open(&dir);
}

static int teardown(void **state)
{
    temp_remove(*state, "a.csv");
    return temp_dir_close(*state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_csv__cells_in_quotes_hold_anything),
        TEST(test_csv__cells_are_trimmed_and_empty_rows_left_out),
        TEST(test_csv__rows_end_with_any_line_break),
        TEST(test_csv__finds_the_separator),
        TEST(test_csv__faults_name_their_line),
        TEST(test_csv__rows_have_as_many_cells_as_expected),
        TEST(test_csv__writes_what_it_reads),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
