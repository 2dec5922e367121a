/* JSON: walks valid documents, and checks that values written from them read back the same. */
#include <string.h>

#include "fuzz.h"
#include "prompt/base/json.h"
#include "prompt/base/json_write.h"

enum { MAX_CLOSELY = 16 }; /* values of a document to write again and to locate */

static void check_text(const char *text)
{
    struct str written = {0};
    struct json_doc *doc = NULL;
    const char *again = NULL;
    json_write_string(&written, text);
    FUZZ_REQUIRE(str_status(&written) == OK);
    FUZZ_REQUIRE(json_parse(&doc, written.data, written.len, "written") == OK);
    FUZZ_REQUIRE(json_string(&again, json_root(doc)) == OK && strcmp(again, text) == 0);
    json_free(doc);
    str_free(&written);
}

static void check_number(const struct json *value)
{
    double number = 0, again = 0;
    int64_t whole = 0;
    struct str written = {0};
    struct json_doc *doc = NULL;
    FUZZ_REQUIRE(json_f64(&number, value) == OK);
    fuzz_require_status(json_i64(&whole, value));
    json_write_f64(&written, number);
    FUZZ_REQUIRE(json_parse(&doc, str_text(&written), written.len, "written") == OK);
    FUZZ_REQUIRE(json_f64(&again, json_root(doc)) == OK && again == number);
    json_free(doc);
    str_free(&written);
}

static void walk(const struct json_doc *doc, const struct json *value, int *n_values)
{
    bool truth = false;
    const char *text = NULL;
    const bool closely = (*n_values)++ < MAX_CLOSELY;
    if (closely) {
        FUZZ_REQUIRE(json_line(value) > 0);
        check_text(json_key(value));
    }
    if (closely && json_type(value) == JSON_NUMBER)
        check_number(value);
    if (closely && json_type(value) == JSON_STRING && json_string(&text, value) == OK)
        check_text(text);
    FUZZ_REQUIRE((json_bool(&truth, value) == OK) == (json_type(value) == JSON_BOOL));
    size_t n = 0;
    for (const struct json *child = json_first(value); child; child = json_next(child), n++) {
        if (json_type(value) == JSON_OBJECT)
            FUZZ_REQUIRE(json_get(value, json_key(child)) == child);
        walk(doc, child, n_values);
    }
    FUZZ_REQUIRE(json_size(value) == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct json_doc *doc = NULL;
    int n_values = 0;
    int status = json_parse(&doc, (const char *)data, n, "input");
    fuzz_require_status(status);
    if (status == OK)
        walk(doc, json_root(doc), &n_values);
    json_free(doc);
    return 0;
}
