/*
 * Strict JSON: cJSON parses, then json_scan.c checks the tokens and finds their lines. A `struct json` is a
 * cJSON node with its line in `valueint`, which nothing else reads. No other file knows cJSON.
 */
#include "prompt/base/json.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_scan.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"

struct json_doc {
    cJSON *root;
    char *name;
};

static const cJSON *node_of(const struct json *value)
{
    return (const cJSON *)value;
}

static const struct json *json_of(const cJSON *node)
{
    return (const struct json *)node;
}

/* ---------------------------------------------------------------- lines and duplicate keys */

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

/* The first member in file order whose key is that of an earlier one, NULL if there is none. */
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

/* Sets the lines of the node and of those below it, advancing `lines`, and refuses duplicate keys. */
static int set_lines(cJSON *node, const int **lines, const struct json_doc *doc)
{
    const cJSON *twice = NULL;
    int status = OK;
    node->valueint = *(*lines)++;
    for (cJSON *child = node->child; status == OK && child; child = child->next)
        status = set_lines(child, lines, doc);
    if (status == OK && cJSON_IsObject(node))
        status = find_duplicate(&twice, node);
    return twice ? json_error(doc, json_of(twice), "key '%s' appears twice in the same object", twice->string)
                 : status;
}

/* ---------------------------------------------------------------- documents */

/* `text` has a NUL after the last byte, which cJSON reads, too, so that it can stop after the text. */
static int parse_text(struct json_doc *doc, const char *text, size_t n)
{
    const char *end = text;
    int *lines = NULL;
    errno = 0;
    doc->root = cJSON_ParseWithLengthOpts(text, n + 1, &end, false);
    if (!doc->root && errno == ENOMEM)
        return error_out_of_memory();
    int status = json_scan(&lines, text, n, (size_t)(end - text), doc->root, doc->name);
    if (status == OK)
        status = set_lines(doc->root, &(const int *){lines}, doc);
    free(lines);
    return status;
}

/* Owns `text`, n bytes and a NUL, also on failure. */
static int parse_owned(struct json_doc **out, char *text, size_t n, const char *name)
{
    struct json_doc *doc = calloc(1, sizeof *doc);
    int status = doc ? OK : error_out_of_memory();
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) /* a byte order mark is space */
        memcpy(text, "   ", 3);
    if (doc)
        status = (doc->name = str_dup(name)) ? parse_text(doc, text, n) : ERR_MEMORY;
    free(text);
    if (status != OK)
        json_free(doc);
    *out = status == OK ? doc : NULL;
    return status;
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

size_t json_line(const struct json *value)
{
    return value ? (size_t)node_of(value)->valueint : 0;
}

int json_error(const struct json_doc *doc, const struct json *value, const char *fmt, ...)
{
    char message[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return error_set(ERR_FORMAT, "%s:%zu: %s", json_name(doc), json_line(value), message);
}

int json_context(const struct json_doc *doc, const struct json *value)
{
    return error_context("%s:%zu", json_name(doc), json_line(value));
}

int json_key_context(const struct json_doc *doc, const struct json *value)
{
    return error_context("%s:%zu: '%.120s'", json_name(doc), json_line(value), json_key(value));
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

/* ---------------------------------------------------------------- members */

int json_get_i64(int64_t *out, const struct json_doc *doc, const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    return !value || json_i64(out, value) == OK ? OK : json_key_context(doc, value);
}

int json_get_f64(double *out, const struct json_doc *doc, const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    return !value || json_f64(out, value) == OK ? OK : json_key_context(doc, value);
}

int json_get_bool(bool *out, const struct json_doc *doc, const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    return !value || json_bool(out, value) == OK ? OK : json_key_context(doc, value);
}

int json_get_string(const char **out, const struct json_doc *doc, const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    return !value || json_string(out, value) == OK ? OK : json_key_context(doc, value);
}

static int refuse_missing(const struct json_doc *doc, const struct json *object, const char *key)
{
    return json_error(doc, object, "'%s' is missing", key);
}

int json_need(const struct json **out, const struct json_doc *doc, const struct json *object, const char *key,
              enum json_type type)
{
    *out = json_get(object, key);
    if (!*out)
        return refuse_missing(doc, object, key);
    return expect(*out, type) == OK ? OK : json_key_context(doc, *out);
}

int json_need_i64(int64_t *out, const struct json_doc *doc, const struct json *object, const char *key)
{
    return json_get(object, key) ? json_get_i64(out, doc, object, key) : refuse_missing(doc, object, key);
}

int json_need_bool(bool *out, const struct json_doc *doc, const struct json *object, const char *key)
{
    return json_get(object, key) ? json_get_bool(out, doc, object, key) : refuse_missing(doc, object, key);
}

int json_need_string(const char **out, const struct json_doc *doc, const struct json *object, const char *key)
{
    return json_get(object, key) ? json_get_string(out, doc, object, key) : refuse_missing(doc, object, key);
}
