/**
 * Strict JSON by cJSON: case-sensitive, typed getters, and the line of every value for error messages.
 *
 * Stricter than cJSON: a duplicate key, bytes after the document, a bad UTF-8 sequence and a byte that JSON
 * does not allow are errors. Documents are read into a `struct json_doc`; values (`struct json`) are borrowed
 * from it and live as long as it does.
 */
#ifndef PROMPT_BASE_JSON_H
#define PROMPT_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"
#include "prompt/base/str.h"

struct json;     /* a borrowed value */
struct json_doc; /* a whole parsed document */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/**
 * Parses `text` [n]. `name`, such as a path, begins error messages: "name:line: expected ..., found ...".
 * @param out  owned, for json_free; NULL after a failure
 * @return OK; ERR_FORMAT; ERR_MEMORY
 */
int json_parse(struct json_doc **out, const char *text, size_t n, const char *name);
int json_read_file(struct json_doc **out, const char *path); /* ERR_IO, too */
/** Reads the file `name` in the folder `dir`; `*out` is NULL if there is none. */
int json_read_if_there(struct json_doc **out, const char *dir, const char *name);
void json_free(struct json_doc *doc);

const struct json *json_root(const struct json_doc *doc); /* borrowed */
const char *json_name(const struct json_doc *doc);        /* borrowed */
/** The line on which `value` starts, from 1; 0 for NULL. */
size_t json_line(const struct json *value);

/** `return json_error(doc, value, "...")`: ERR_FORMAT "name:line: ..." */
int json_error(const struct json_doc *doc, const struct json *value, const char *fmt, ...)
    PROMPT_PRINTF(3, 4);
/** Prepends "name:line: ", or "name:line: 'key': ", to the last error and returns its status. */
int json_context(const struct json_doc *doc, const struct json *value);
int json_key_context(const struct json_doc *doc, const struct json *value);

enum json_type json_type(const struct json *value);
const char *json_type_name(enum json_type type); /* static: "a number", "an object", ... */

/** The member `key` (case-sensitive), NULL if it is missing or `value` is not an object; borrowed. */
const struct json *json_get(const struct json *value, const char *key);
/** Array elements or object members in file order: first, then next; borrowed, NULL at the end. */
const struct json *json_first(const struct json *value);
const struct json *json_next(const struct json *value);
size_t json_size(const struct json *value);     /* number of elements or members; O(n) */
const char *json_key(const struct json *value); /* of an object's member, borrowed; else "" */

/** Values. Another type is ERR_FORMAT "expected a ..., found ...", without name and line. */
int json_i64(int64_t *out, const struct json *value); /* a number without a fraction, within +-2^53 */
int json_f64(double *out, const struct json *value);
int json_bool(bool *out, const struct json *value);
int json_string(const char **out, const struct json *value); /* borrowed */

/*
 * Members of `object` by type. ERR_FORMAT: "name:line: 'key': expected ..., found ...". If the member is
 * missing, json_get_* leaves `*out` unchanged and json_need_* fails: "name:line: 'key' is missing".
 */
int json_get_i64(int64_t *out, const struct json_doc *doc, const struct json *object, const char *key);
int json_get_f64(double *out, const struct json_doc *doc, const struct json *object, const char *key);
int json_get_bool(bool *out, const struct json_doc *doc, const struct json *object, const char *key);
int json_get_string(const char **out, const struct json_doc *doc, const struct json *object,
                    const char *key); /* borrowed */

/** The member itself, borrowed; NULL if it is missing. */
int json_need(const struct json **out, const struct json_doc *doc, const struct json *object, const char *key,
              enum json_type type);
int json_need_i64(int64_t *out, const struct json_doc *doc, const struct json *object, const char *key);
int json_need_bool(bool *out, const struct json_doc *doc, const struct json *object, const char *key);
int json_need_string(const char **out, const struct json_doc *doc, const struct json *object,
                     const char *key); /* borrowed */

#endif
