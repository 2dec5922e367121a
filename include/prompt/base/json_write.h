/**
 * Writing JSON into a `struct str`, on one line: {"a": 1, "b": [2, 3]}.
 *
 * The text is the only state: a comma goes before a key or an element unless the text ends with an opening
 * bracket or white space, as after ",\n" where a caller begins a line itself. Check str_status() at the end.
 */
#ifndef PROMPT_BASE_JSON_WRITE_H
#define PROMPT_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/str.h"

/** Appends `text` as a JSON string. A byte that is not UTF-8 becomes the four characters \xe9, as in
 * csv_write_text. */
void json_write_string(struct str *out, const char *text);
/** Appends the shortest decimal that reads back as the same double ("0.1", "5", "1e-05"); null if it is not
 * finite. */
void json_write_f64(struct str *out, double value);

/* A member of an object, or, where `key` is NULL, an element of an array. */
void json_put_string(struct str *out, const char *key, const char *text); /* null for NULL */
void json_put_i64(struct str *out, const char *key, int64_t value);
void json_put_f64(struct str *out, const char *key, double value);
void json_put_fixed(struct str *out, const char *key, double value, int n_decimals);
void json_put_bool(struct str *out, const char *key, bool value);
void json_put_strings(struct str *out, const char *key, const struct str_list *texts);
void json_put_f64s(struct str *out, const char *key, const double *values, size_t n);

/** Appends a comma if one is due, and the key, for a value that the caller appends. */
void json_put_key(struct str *out, const char *key);

/** '{' or '[' as a member or an element, and its end. */
void json_open(struct str *out, const char *key, char bracket);
void json_close(struct str *out, char bracket);

#endif
