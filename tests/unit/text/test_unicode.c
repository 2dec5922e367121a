/* The tokenizer's steps before splitting: Unicode (unicode.c) and HTML references (html.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "prompt/base/str.h"
#include "prompt/text/html.h"
#include "prompt/text/unicode.h"

static void check_ok(int status)
{
    if (status != OK)
        fail_msg("%s", error_message());
}

static void check_error(int status, int expected, const char *message)
{
    assert_int_equal(status, expected);
    assert_string_equal(error_message(), message);
    error_clear();
}

/* ---------------------------------------------------------------- html */

static void check_codepoints(struct codepoints *got, const char *expected)
{
    struct str text = {0};
    for (size_t i = 0; i < got->n; i++) {
        unsigned char utf8[UNICODE_MAX_BYTES];
        str_append_n(&text, (const char *)utf8, unicode_encode(utf8, got->data[i]));
    }
    unicode_free(got);
    assert_string_equal(str_text(&text), expected);
    str_free(&text);
}

static void check_html(const char *text, const char *expected)
{
    struct codepoints decoded;
    check_ok(unicode_decode(&decoded, text));
    html_unescape(&decoded);
    check_codepoints(&decoded, expected);
}

static void test_html__replaces_names(void **state)
{
    (void)state;
    check_html("a &lt; b &amp;&amp; c", "a < b && c");
    check_html("&Eacute;t&eacute;", "\xc3\x89t\xc3\xa9");
    check_html("&CounterClockwiseContourIntegral;", "\xe2\x88\xb3"); /* the longest name */
    check_html("&nvlt;", "<\xe2\x83\x92");                           /* two code points */
    check_html("&amp;lt;", "&lt;");                                  /* once only */
}

static void test_html__takes_the_longest_name_without_semicolon(void **state)
{
    (void)state;
    check_html("&notit; &notin; &ampx &AMP", "\xc2\xacit; \xe2\x88\x89 &x &");
    check_html("&amp\xc3\xa9;", "&\xc3\xa9;");
    check_html("&ltx", "<x"); /* no name is shorter */
    check_html("&alpha x &g &unknown; & &; &",
               "&alpha x &g &unknown; & &; &"); /* alpha needs its semicolon */
}

static void test_html__replaces_numbers(void **state)
{
    (void)state;
    check_html("&#65;&#x42&#X43;&#0068z", "ABCDz");
    check_html("&#128; &#x99; &#x81;",
               "\xe2\x82\xac \xe2\x84\xa2 \xc2\x81"); /* C1: Windows-1252 where it has one */
    check_html("&#xDFFF;", "\xef\xbf\xbd");
    check_html("&#0; &#xD800; &#x110000; &#99999999999999999999;",
               "\xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd");
    check_html("a&#1;b&#x7f;c&#xfdd0;d&#x1fffe;e&#11;f", "abcdef"); /* controls and noncharacters vanish */
    check_html("&# &#; &#x; &#xg", "&# &#; &#x; &#xg");
}

/* ---------------------------------------------------------------- unicode */

static void check_lower(const char *text, const char *expected)
{
    struct codepoints decoded;
    struct codepoints lowered;
    check_ok(unicode_decode(&decoded, text));
    check_ok(unicode_lower(&lowered, &decoded));
    unicode_free(&decoded);
    check_codepoints(&lowered, expected);
}

static void test_unicode__lowers_final_sigma(void **state)
{
    (void)state;
    check_lower("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2");
    check_lower("\u03a3", "\u03c3");                         /* no letter before it */
    check_lower("A\u03a3B A\u03a3 B", "a\u03c3b a\u03c2 b"); /* a letter after it */
    check_lower("A'\u03a3'. A\u03a3'B", "a'\u03c2'. a\u03c3'b");
    check_lower("A\u0301\u03a3\u0301", "a\u0301\u03c2\u0301");
}

static void test_unicode__lowers_as_python(void **state)
{
    (void)state;
    check_lower("\u0130I\u0131", "i\u0307i\u0131");
    check_lower("\u212a\u017f\u1e9e\u00c9", "k\u017f\u00df\u00e9");
}

static void check_spaces(const char *text, const char *expected)
{
    struct codepoints decoded;
    check_ok(unicode_decode(&decoded, text));
    unicode_collapse_spaces(&decoded);
    check_codepoints(&decoded, expected);
}

static void test_unicode__collapses_spaces_as_python_split(void **state)
{
    (void)state;
    check_spaces("  a\t\n b \u3000\u2028 c \x1c\x1f", "a b c");
    check_spaces("a\u200b\ufeff b", "a\u200b\ufeff b"); /* zero-width ones are not white space */
    check_spaces(" \r\v\f\u00a0\xc2\x85", "");
    check_spaces("", "");
}

static void test_unicode__refuses_bytes_that_are_no_utf8(void **state)
{
    (void)state;
    static const char *const texts[] = {"ab\xff", "ab\xc3", "ab\xc0\x80", "ab\xed\xa0\x80",
                                        "ab\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct codepoints decoded;
        char message[80];
        snprintf(message, sizeof message, "expected UTF-8, found byte 0x%02x at offset 2",
                 (unsigned char)texts[i][2]);
        check_error(unicode_decode(&decoded, texts[i]), ERR_FORMAT, message);
        assert_null(decoded.data);
    }
}

static void test_unicode__classes_code_points_as_the_pattern(void **state)
{
    (void)state;
    assert_int_equal(unicode_class('a'), UNICODE_LETTER);
    assert_int_equal(unicode_class(0x2b0), UNICODE_LETTER);   /* modifier letter */
    assert_int_equal(unicode_class(0x2160), UNICODE_NUMBER);  /* Roman numeral */
    assert_int_equal(unicode_class(0xbd), UNICODE_NUMBER);    /* one half */
    assert_int_equal(unicode_class(0x301), UNICODE_OTHER);    /* combining mark */
    assert_int_equal(unicode_class(0x1f600), UNICODE_OTHER);  /* emoji */
    assert_int_equal(unicode_class(0x3000), UNICODE_SKIPPED); /* white space */
    assert_int_equal(unicode_class(0x345), UNICODE_SKIPPED);  /* see unicode.c */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html__replaces_names),
        cmocka_unit_test(test_html__takes_the_longest_name_without_semicolon),
        cmocka_unit_test(test_html__replaces_numbers),
        cmocka_unit_test(test_unicode__lowers_final_sigma),
        cmocka_unit_test(test_unicode__lowers_as_python),
        cmocka_unit_test(test_unicode__collapses_spaces_as_python_split),
        cmocka_unit_test(test_unicode__refuses_bytes_that_are_no_utf8),
        cmocka_unit_test(test_unicode__classes_code_points_as_the_pattern),
    };
    return cmocka_run_group_tests_name("unicode", tests, NULL, NULL);
}
