/*
 * Strict JSON: the text is checked by json_scan.c, then cJSON builds the tree. A `struct json` is a cJSON
 * node; no other file sees cJSON.
 */
#include "prompt/base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_scan.h"
#include "prompt/base/file.h"

struct json_doc {
    cJSON *root;
    char *name;
    char *text; /* NUL after the last byte; kept for json_line */
    size_t n;
};

static const cJSON *node_of(const struct json *value)
{
    return (const cJSON *)value;
}

static const struct json *json_of(const cJSON *node)
{
    return (const struct json *)node;
}

/* ---------------------------------------------------------------- duplicate keys */

struct member {
    const cJSON *node;
    size_t idx; /* in file order */
};

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;
    int order = strcmp(x->node->string, y->node->string);
    return order ? order : (x->idx > y->idx) - (x->idx < y->idx);
}

/* The first member in file order whose key stood before, NULL if there is none. */
static int find_duplicate(const cJSON **out, const cJSON *object)
{
    *out = NULL;
    size_t n = json_size(json_of(object));
    if (n < 2)
        return OK;
    struct member *members = malloc(n * sizeof *members);
    if (!members)
        return error_out_of_memory();
    size_t i = 0;
    for (const cJSON *node = object->child; node; node = node->next, i++)
        members[i] = (struct member){node, i};
    qsort(members, n, sizeof *members, compare_members);
    size_t first = n;
    for (i = 1; i < n; i++) {
        if (strcmp(members[i - 1].node->string, members[i].node->string) == 0 && members[i].idx < first) {
            first = members[i].idx;
            *out = members[i].node;
        }
    }
    free(members);
    return OK;
}

static int refuse_duplicates(const struct json_doc *doc, const cJSON *node)
{
    if (cJSON_IsObject(node)) {
        const cJSON *twice;
        int status = find_duplicate(&twice, node);
        if (status != OK)
            return status;
        if (twice)
            return error_set(ERR_FORMAT, "%s:%zu: key '%s' stands twice in the same object", doc->name,
                             json_line(doc, json_of(twice)), twice->string);
    }
    for (const cJSON *child = node->child; child; child = child->next) {
        int status = child->child ? refuse_duplicates(doc, child) : OK;
        if (status != OK)
            return status;
    }
    return OK;
}

/* ---------------------------------------------------------------- documents */

/* Takes `text`, n bytes and a NUL, whether it succeeds or not. */
static int parse_owned(struct json_doc **out, char *text, size_t n, const char *name)
{
    *out = NULL;
    struct json_doc *doc = calloc(1, sizeof *doc);
    if (!doc) {
        free(text);
        return error_out_of_memory();
    }
    doc->text = text;
    doc->n = n;
    doc->name = str_dup(name);
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) /* a byte order mark is space */
        memcpy(text, "   ", 3);
    int status = doc->name ? json_scan_check(text, n, name) : ERR_MEMORY;
    if (status == OK) {
        doc->root = cJSON_ParseWithLength(text, n);
        if (!doc->root) /* the text is known to be right */
            status = error_out_of_memory();
    }
    if (status == OK)
        status = refuse_duplicates(doc, doc->root);
    if (status != OK) {
        json_free(doc);
        return status;
    }
    *out = doc;
    return OK;
}

int json_parse(struct json_doc **out, const char *text, size_t n, const char *name)
{
    *out = NULL;
    char *copy = str_dup_n(text, n);
    return copy ? parse_owned(out, copy, n, name) : ERR_MEMORY;
}

int json_read_file(struct json_doc **out, const char *path)
{
    *out = NULL;
    char *text;
    size_t n;
    int status = file_read(&text, &n, path);
    return status == OK ? parse_owned(out, text, n, path) : status;
}

int json_read_if_there(struct json_doc **out, const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    int status = path ? OK : ERR_MEMORY;
    *out = NULL;
    if (status == OK && file_exists(path))
        status = json_read_file(out, path);
    free(path);
    return status;
}

void json_free(struct json_doc *doc)
{
    if (!doc)
        return;
    cJSON_Delete(doc->root);
    free(doc->name);
    free(doc->text);
    free(doc);
}

const struct json *json_root(const struct json_doc *doc)
{
    return json_of(doc->root);
}

const char *json_name(const struct json_doc *doc)
{
    return doc->name;
}

/* Counts the values before `wanted` in document order, which is the tree's preorder. */
static bool count_before(size_t *n, const cJSON *node, const cJSON *wanted)
{
    if (node == wanted)
        return true;
    ++*n;
    for (const cJSON *child = node->child; child; child = child->next)
        if (count_before(n, child, wanted))
            return true;
    return false;
}

size_t json_line(const struct json_doc *doc, const struct json *value)
{
    size_t ordinal = 0;
    if (!value || !count_before(&ordinal, doc->root, node_of(value)))
        return 0;
    return json_scan_line(doc->text, doc->n, ordinal);
}

/* ---------------------------------------------------------------- values */

enum json_type json_type(const struct json *value)
{
    const cJSON *node = node_of(value);
    if (cJSON_IsObject(node))
        return JSON_OBJECT;
    if (cJSON_IsArray(node))
        return JSON_ARRAY;
    if (cJSON_IsString(node))
        return JSON_STRING;
    if (cJSON_IsNumber(node))
        return JSON_NUMBER;
    return cJSON_IsBool(node) ? JSON_BOOL : JSON_NULL;
}

const char *json_type_name(enum json_type type)
{
    switch (type) {
    case JSON_NULL:
        return "null";
    case JSON_BOOL:
        return "true or false";
    case JSON_NUMBER:
        return "a number";
    case JSON_STRING:
        return "a string";
    case JSON_ARRAY:
        return "an array";
    case JSON_OBJECT:
        return "an object";
    }
    return "?";
}

const struct json *json_get(const struct json *value, const char *key)
{
    const cJSON *node = node_of(value);
    return cJSON_IsObject(node) ? json_of(cJSON_GetObjectItemCaseSensitive(node, key)) : NULL;
}

const struct json *json_first(const struct json *value)
{
    return value ? json_of(node_of(value)->child) : NULL;
}

const struct json *json_next(const struct json *value)
{
    return value ? json_of(node_of(value)->next) : NULL;
}

size_t json_size(const struct json *value)
{
    size_t n = 0;
    for (const struct json *child = json_first(value); child; child = json_next(child))
        n++;
    return n;
}

const char *json_key(const struct json *value)
{
    const char *key = node_of(value)->string;
    return key ? key : "";
}

static int expect(const struct json *value, enum json_type wanted)
{
    enum json_type found = json_type(value);
    if (found == wanted)
        return OK;
    return error_set(ERR_FORMAT, "expected %s, found %s", json_type_name(wanted), json_type_name(found));
}

int json_i64(int64_t *out, const struct json *value)
{
    if (json_type(value) != JSON_NUMBER)
        return error_set(ERR_FORMAT, "expected a whole number, found %s", json_type_name(json_type(value)));
    double number = node_of(value)->valuedouble;
    /* 2^53 itself is refused: 2^53 + 1 reads as the same double. */
    if (number != floor(number) || fabs(number) >= 9007199254740992.0)
        return error_set(ERR_FORMAT, "expected a whole number below 2^53, found %.17g", number);
    *out = (int64_t)number;
    return OK;
}

int json_f64(double *out, const struct json *value)
{
    int status = expect(value, JSON_NUMBER);
    if (status == OK)
        *out = node_of(value)->valuedouble;
    return status;
}

int json_bool(bool *out, const struct json *value)
{
    int status = expect(value, JSON_BOOL);
    if (status == OK)
        *out = cJSON_IsTrue(node_of(value));
    return status;
}

int json_string(const char **out, const struct json *value)
{
    int status = expect(value, JSON_STRING);
    if (status == OK)
        *out = node_of(value)->valuestring;
    return status;
}

/* ---------------------------------------------------------------- writing */

void json_write_string(struct str *out, const char *text)
{
    static const char escaped[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    size_t n = strlen(text);
    str_append_char(out, '"');
    for (size_t i = 0; i < n;) {
        size_t length = utf8_sequence(text + i, n - i);
        const char *escape = strchr(escaped, text[i]);
        if (length == 0)
            str_appendf(out, "\\\\x%02x", (unsigned char)text[i]);
        else if (escape)
            str_appendf(out, "\\%c", letters[escape - escaped]);
        else if ((unsigned char)text[i] < ' ')
            str_appendf(out, "\\u%04x", (unsigned)text[i]);
        else
            str_append_n(out, text + i, length);
        i += length ? length : 1;
    }
    str_append_char(out, '"');
}

void json_write_f64(struct str *out, double value)
{
    if (!isfinite(value)) {
        str_append(out, "null");
        return;
    }
    if (value == floor(value) && fabs(value) < 1e15) { /* 100000 rather than %g's 1e+05 */
        str_appendf(out, "%.0f", value);
        return;
    }
    char text[32];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    str_append(out, text);
}
