/* Strict JSON: what is refused, on which line, and what the getters say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/json.h"
#include "prompt/base/json_write.h"

static struct json_doc *parse(const char *text)
{
    struct json_doc *doc = NULL;
    if (json_parse(&doc, text, strlen(text), "t.json") != OK)
        fail_msg("%s", error_message());
    return doc;
}

/* A document that must be refused with exactly this message. */
static void expect_refused_n(const char *text, size_t n, const char *message)
{
    struct json_doc *doc = NULL;
    error_clear();
    assert_int_equal(json_parse(&doc, text, n, "t.json"), ERR_FORMAT);
    assert_null(doc);
    assert_string_equal(error_message(), message);
}

static void expect_refused(const char *text, const char *message)
{
    expect_refused_n(text, strlen(text), message);
}

/* ---------------------------------------------------------------- grammar */

static void test_json__refuses_what_is_no_json_with_its_line(void **state)
{
    (void)state;
    expect_refused("", "t.json:1: expected a value, found the end of the text");
    expect_refused("{\n\"a\": 1\n\"b\": 2}", "t.json:3: expected ',' or '}', found '\"'");
    expect_refused("{\"a\": 1,}", "t.json:1: expected a key in double quotes, found '}'");
    expect_refused("[1\n,\n2,]", "t.json:3: expected a value, found ']'");
    expect_refused("{\"a\" 1}", "t.json:1: expected ':' after a key, found '1'");
    expect_refused("{'a': 1}", "t.json:1: expected a key in double quotes, found '''");
    expect_refused("{\"a\": tru}", "t.json:1: expected a value, found 't'");
    expect_refused("// no\n1", "t.json:1: expected a value, found '/'");
    expect_refused("1\n\n2", "t.json:3: expected nothing after the document, found '2'");
    expect_refused("{\"a\": [1, 2}", "t.json:1: expected ',' or ']', found '}'");
    expect_refused("{\"a\": \n{", "t.json:2: expected a key in double quotes, found the end of the text");
    expect_refused_n("1\0", 2, "t.json:1: expected nothing after the document, found byte 0x00");
}

static void test_json__refuses_numbers_that_only_cjson_accepts(void **state)
{
    (void)state;
    expect_refused("01", "t.json:1: a number with a leading zero");
    expect_refused("[\n-01]", "t.json:2: a number with a leading zero");
    expect_refused("+1", "t.json:1: expected a value, found '+'");
    expect_refused("-.5", "t.json:1: expected a digit, found '.'");
    expect_refused(".5", "t.json:1: expected a value, found '.'");
    expect_refused("1.", "t.json:1: expected a digit, found the end of the text");
    expect_refused("1e", "t.json:1: expected a digit, found the end of the text");
    expect_refused("1.2.3", "t.json:1: expected nothing after the document, found '.'");
    expect_refused("NaN", "t.json:1: expected a value, found 'N'");
    expect_refused("-Infinity", "t.json:1: expected a digit, found 'I'");
    expect_refused("0x10", "t.json:1: expected nothing after the document, found 'x'");
    expect_refused("1e999", "t.json:1: a number too large for a double");
    expect_refused("0.1000000000000000000000000000000000000000000000000000000000000000000001",
                   "t.json:1: a number of more than 60 characters");
}

static void test_json__refuses_bad_strings(void **state)
{
    (void)state;
    expect_refused("\"a", "t.json:1: expected '\"' at the end of a string, found the end of the text");
    expect_refused("\"a\nb\"", "t.json:1: a line break inside a string");
    expect_refused("\"a\tb\"", "t.json:1: expected no control character inside a string, found byte 0x09");
    expect_refused("\"\\x\"", "t.json:1: expected one of \"\\/bfnrtu after a backslash, found 'x'");
    expect_refused("\"\\u12g4\"", "t.json:1: expected four hex digits after \\u, found 'g'");
    expect_refused("\"\\u0000\"", "t.json:1: a string with \\u0000");
    expect_refused("\"\\ud83d\"", "t.json:1: a \\u escape that is half of a surrogate pair");
    expect_refused("\"\\ude00\"", "t.json:1: a \\u escape that is half of a surrogate pair");
    expect_refused("\"\\ud83d\\ud83d\"", "t.json:1: a \\u escape that is half of a surrogate pair");
    expect_refused("\"\xC0\xAF\"", "t.json:1: expected UTF-8, found byte 0xc0");         /* overlong */
    expect_refused("\"\xED\xA0\x80\"", "t.json:1: expected UTF-8, found byte 0xed");     /* a surrogate */
    expect_refused("\"\xF4\x90\x80\x80\"", "t.json:1: expected UTF-8, found byte 0xf4"); /* above U+10FFFF */
    expect_refused("\"\xE2\x82", "t.json:1: expected UTF-8, found byte 0xe2");           /* cut off */
    expect_refused("\"caf\xE9\"", "t.json:1: expected UTF-8, found byte 0xe9");          /* Latin-1 */
}

static void test_json__refuses_duplicate_keys(void **state)
{
    (void)state;
    expect_refused("{\"a\": 1,\n\"b\": {\"x\": 1},\n\"a\": 2}",
                   "t.json:3: key 'a' appears twice in the same object");
    expect_refused("[{\"a\": 1, \"c\": 0, \"b\": 2,\n\"c\": 1,\n\"a\": 3}]",
                   "t.json:2: key 'c' appears twice in the same object");
    expect_refused("{\"a\": {\"b\": 1, \"\\u0062\": 2}}",
                   "t.json:1: key 'b' appears twice in the same object");
    json_free(parse("{\"a\": {\"a\": 1}, \"A\": 2}"));
}

/* `n` arrays, one in the other. */
static void nest(char *out, size_t n)
{
    memset(out, '[', n);
    memset(out + n, ']', n);
    out[2 * n] = '\0';
}

static void test_json__refuses_more_than_64_levels(void **state)
{
    (void)state;
    char text[131];
    nest(text, 64);
    json_free(parse(text));
    nest(text, 65);
    expect_refused(text, "t.json:1: arrays or objects nested too deeply");
}

static void test_json__tolerates_a_byte_order_mark(void **state)
{
    (void)state;
    struct json_doc *doc = parse("\xEF\xBB\xBF{\"a\": 1}\r\n");
    assert_int_equal(json_type(json_root(doc)), JSON_OBJECT);
    json_free(doc);
}

/* ---------------------------------------------------------------- values */

static void test_json__getters_name_what_they_found(void **state)
{
    (void)state;
    struct json_doc *doc = parse(
        "{\"n\": 3.5, \"i\": -7, \"e\": 1e3, \"b\": true, \"s\": \"h\\u00e9\\ud83d\\ude00\\/\", \"z\": null,"
        " \"a\": [1, 2], \"big\": 9007199254740993}");
    const struct json *root = json_root(doc);
    int64_t i = 0;
    double f = 0.0;
    bool b = false;
    const char *s = NULL;
    assert_int_equal(json_i64(&i, json_get(root, "i")), OK);
    assert_int_equal(i, -7);
    assert_int_equal(json_i64(&i, json_get(root, "e")), OK);
    assert_int_equal(i, 1000);
    assert_int_equal(json_f64(&f, json_get(root, "n")), OK);
    assert_true(f == 3.5);
    assert_int_equal(json_bool(&b, json_get(root, "b")), OK);
    assert_true(b);
    assert_int_equal(json_string(&s, json_get(root, "s")), OK);
    assert_string_equal(s, "h\xC3\xA9\xF0\x9F\x98\x80/");

    assert_int_equal(json_i64(&i, json_get(root, "n")), ERR_FORMAT);
    assert_string_equal(error_message(), "expected a whole number below 2^53, found 3.5");
    assert_int_equal(json_i64(&i, json_get(root, "big")), ERR_FORMAT);
    assert_int_equal(json_i64(&i, json_get(root, "s")), ERR_FORMAT);
    assert_string_equal(error_message(), "expected a whole number, found a string");
    assert_int_equal(json_f64(&f, json_get(root, "z")), ERR_FORMAT);
    assert_string_equal(error_message(), "expected a number, found null");
    assert_int_equal(json_bool(&b, json_get(root, "a")), ERR_FORMAT);
    assert_string_equal(error_message(), "expected true or false, found an array");
    assert_int_equal(json_string(&s, root), ERR_FORMAT);
    assert_string_equal(error_message(), "expected a string, found an object");
    json_free(doc);
}

static void test_json__keys_are_case_sensitive(void **state)
{
    (void)state;
    struct json_doc *doc = parse("{\"Key\": 1}");
    assert_null(json_get(json_root(doc), "key"));
    assert_non_null(json_get(json_root(doc), "Key"));
    assert_null(json_get(json_get(json_root(doc), "Key"), "x"));
    json_free(doc);
}

static void test_json__walks_in_file_order(void **state)
{
    (void)state;
    struct json_doc *doc = parse("{\"b\": 1, \"a\": 2, \"c\": 3}");
    const struct json *root = json_root(doc);
    assert_int_equal(json_size(root), 3);
    const struct json *member = json_first(root);
    assert_string_equal(json_key(member), "b");
    member = json_next(member);
    assert_string_equal(json_key(member), "a");
    member = json_next(json_next(member));
    assert_null(member);
    assert_string_equal(json_key(root), "");
    json_free(doc);
}

static void test_json__knows_the_line_of_every_value(void **state)
{
    (void)state;
    struct json_doc *doc = parse("\n{\"a\": [1,\n  {\"x\": \"]\\\"{\"},\n 3],\n\n \"b\":\n 4}");
    const struct json *root = json_root(doc);
    assert_int_equal(json_line(root), 2);
    const struct json *a = json_get(root, "a");
    assert_int_equal(json_line(a), 2);
    assert_int_equal(json_line(json_first(a)), 2);
    assert_int_equal(json_line(json_next(json_first(a))), 3);
    assert_int_equal(json_line(json_get(json_next(json_first(a)), "x")), 3);
    assert_int_equal(json_line(json_next(json_next(json_first(a)))), 4);
    assert_int_equal(json_line(json_get(root, "b")), 7);
    assert_int_equal(json_line(NULL), 0);
    assert_string_equal(json_name(doc), "t.json");
    json_free(doc);
}

static void test_json__a_missing_file_is_an_io_error(void **state)
{
    (void)state;
    struct json_doc *doc = NULL;
    assert_int_equal(json_read_file(&doc, "/no/such/file.json"), ERR_IO);
    assert_null(doc);
}

static void test_json__members_are_named_with_their_line(void **state)
{
    (void)state;
    struct json_doc *doc = parse("{\n\"n\": 3,\n\"x\": 0.5, \"yes\": true,\n\"s\": \"text\",\n\"a\": [1]}");
    const struct json *root = json_root(doc), *array = NULL;
    int64_t n = 7;
    double x = 7;
    bool yes = false;
    const char *s = "none";
    assert_int_equal(json_need_i64(&n, doc, root, "n"), OK);
    assert_int_equal(n, 3);
    assert_int_equal(json_get_f64(&x, doc, root, "x"), OK);
    assert_true(x == 0.5);
    assert_int_equal(json_need_bool(&yes, doc, root, "yes"), OK);
    assert_true(yes);
    assert_int_equal(json_need_string(&s, doc, root, "s"), OK);
    assert_string_equal(s, "text");
    assert_int_equal(json_need(&array, doc, root, "a", JSON_ARRAY), OK);
    assert_ptr_equal(array, json_get(root, "a"));

    assert_int_equal(json_get_i64(&n, doc, root, "none"), OK); /* leaves it alone */
    assert_int_equal(json_get_f64(&x, doc, root, "none"), OK);
    assert_int_equal(json_get_bool(&yes, doc, root, "none"), OK);
    assert_int_equal(json_get_string(&s, doc, root, "none"), OK);
    assert_true(n == 3 && x == 0.5 && yes && strcmp(s, "text") == 0);

    assert_int_equal(json_need_i64(&n, doc, root, "none"), ERR_FORMAT);
    assert_string_equal(error_message(), "t.json:1: 'none' is missing");
    assert_int_equal(json_need_bool(&yes, doc, root, "none"), ERR_FORMAT);
    assert_int_equal(json_need_string(&s, doc, root, "none"), ERR_FORMAT);
    assert_int_equal(json_need(&array, doc, root, "none", JSON_ARRAY), ERR_FORMAT);
    assert_int_equal(json_need_i64(&n, doc, root, "x"), ERR_FORMAT);
    assert_string_equal(error_message(), "t.json:3: 'x': expected a whole number below 2^53, found 0.5");
    assert_int_equal(json_get_f64(&x, doc, root, "s"), ERR_FORMAT);
    assert_string_equal(error_message(), "t.json:4: 's': expected a number, found a string");
    assert_int_equal(json_need_bool(&yes, doc, root, "n"), ERR_FORMAT);
    assert_string_equal(error_message(), "t.json:2: 'n': expected true or false, found a number");
    assert_int_equal(json_need_string(&s, doc, root, "n"), ERR_FORMAT);
    assert_string_equal(error_message(), "t.json:2: 'n': expected a string, found a number");
    assert_int_equal(json_need(&array, doc, root, "s", JSON_OBJECT), ERR_FORMAT);
    assert_string_equal(error_message(), "t.json:4: 's': expected an object, found a string");
    assert_int_equal(json_error(doc, json_first(json_get(root, "a")), "%d wrong", 2), ERR_FORMAT);
    assert_string_equal(error_message(), "t.json:5: 2 wrong");
    json_free(doc);
}

/* ---------------------------------------------------------------- writing */

static void test_json__commas_go_where_they_are_due(void **state)
{
    (void)state;
    struct str out = {0};
    struct str_list texts = {0};
    assert_int_equal(str_list_split(&texts, "a,{[,b"), OK);
    json_open(&out, NULL, '{');
    json_put_i64(&out, "i", -3);
    json_put_f64(&out, "f", 0.1);
    json_put_fixed(&out, "s", 2.0, 3);
    json_put_bool(&out, "b", false);
    json_put_string(&out, "none", NULL);
    json_put_strings(&out, "texts", &texts);
    json_put_f64s(&out, "numbers", (const double[]){1, 2.5}, 2);
    json_open(&out, "empty", '[');
    json_close(&out, ']');
    json_open(&out, "rows", '[');
    json_open(&out, NULL, '[');
    json_put_i64(&out, NULL, 1);
    json_put_string(&out, NULL, "{");
    json_put_string(&out, NULL, "x");
    json_close(&out, ']');
    str_append(&out, ",\n ");
    json_open(&out, NULL, '{');
    json_close(&out, '}');
    json_close(&out, ']');
    json_close(&out, '}');
    assert_string_equal(
        str_text(&out),
        "{\"i\": -3, \"f\": 0.1, \"s\": 2.000, \"b\": false, \"none\": null, \"texts\": [\"a\", "
        "\"{[\", \"b\"], \"numbers\": [1, 2.5], \"empty\": [], \"rows\": [[1, \"{\", \"x\"],\n {}]}");
    json_free(parse(str_text(&out)));
    str_list_free(&texts);
    str_free(&out);
}

static void expect_written(double value, const char *want)
{
    struct str out = {0};
    json_write_f64(&out, value);
    assert_string_equal(str_text(&out), want);
    str_free(&out);
}

static void test_json__writes_the_shortest_number(void **state)
{
    (void)state;
    expect_written(0.1, "0.1");
    expect_written(5.0, "5");
    expect_written(1e-5, "1e-05");
    expect_written(100000.0, "100000");
    expect_written(4294967295.0, "4294967295");
    expect_written(1e20, "1e+20");
    expect_written(1.0 / 3.0, "0.3333333333333333");
    expect_written(0.1 + 0.2, "0.30000000000000004");
    expect_written(-0.0024, "-0.0024");
    expect_written((double)NAN, "null");
}

static void test_json__written_strings_read_back(void **state)
{
    (void)state;
    const char *text = "a \"b\" \\ \n\r\t\b\f \x01 \xC3\xA9 \xF0\x9F\x98\x80";
    struct str out = {0};
    json_write_string(&out, text);
    struct json_doc *doc = parse(str_text(&out));
    const char *back = NULL;
    assert_int_equal(json_string(&back, json_root(doc)), OK);
    assert_string_equal(back, text);
    json_free(doc);

    str_clear(&out);
    json_write_string(&out, "x\xFFy");
    assert_string_equal(str_text(&out), "\"x\\\\xffy\""); /* as csv_write_text has it */
    str_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json__refuses_what_is_no_json_with_its_line),
        cmocka_unit_test(test_json__refuses_numbers_that_only_cjson_accepts),
        cmocka_unit_test(test_json__refuses_bad_strings),
        cmocka_unit_test(test_json__refuses_duplicate_keys),
        cmocka_unit_test(test_json__refuses_more_than_64_levels),
        cmocka_unit_test(test_json__tolerates_a_byte_order_mark),
        cmocka_unit_test(test_json__getters_name_what_they_found),
        cmocka_unit_test(test_json__keys_are_case_sensitive),
        cmocka_unit_test(test_json__walks_in_file_order),
        cmocka_unit_test(test_json__knows_the_line_of_every_value),
        cmocka_unit_test(test_json__a_missing_file_is_an_io_error),
        cmocka_unit_test(test_json__members_are_named_with_their_line),
        cmocka_unit_test(test_json__commas_go_where_they_are_due),
        cmocka_unit_test(test_json__writes_the_shortest_number),
        cmocka_unit_test(test_json__written_strings_read_back),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
