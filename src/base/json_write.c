/* Writing JSON: the end of the text tells whether a comma is due. */
#include "prompt/base/json_write.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- values */

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

/* ---------------------------------------------------------------- members and elements */

void json_put_key(struct str *out, const char *key)
{
    if (out->len > 0 && !strchr("{[ \n", out->data[out->len - 1]))
        str_append(out, ", ");
    if (key) {
        json_write_string(out, key);
        str_append(out, ": ");
    }
}

void json_put_string(struct str *out, const char *key, const char *text)
{
    json_put_key(out, key);
    if (text)
        json_write_string(out, text);
    else
        str_append(out, "null");
}

void json_put_i64(struct str *out, const char *key, int64_t value)
{
    json_put_key(out, key);
    str_appendf(out, "%" PRId64, value);
}

void json_put_f64(struct str *out, const char *key, double value)
{
    json_put_key(out, key);
    json_write_f64(out, value);
}

void json_put_fixed(struct str *out, const char *key, double value, int n_decimals)
{
    json_put_key(out, key);
    str_appendf(out, "%.*f", n_decimals, value);
}

void json_put_bool(struct str *out, const char *key, bool value)
{
    json_put_key(out, key);
    str_append(out, value ? "true" : "false");
}

void json_put_strings(struct str *out, const char *key, const struct str_list *texts)
{
    json_open(out, key, '[');
    for (size_t i = 0; i < texts->n; i++)
        json_put_string(out, NULL, texts->items[i]);
    json_close(out, ']');
}

void json_put_f64s(struct str *out, const char *key, const double *values, size_t n)
{
    json_open(out, key, '[');
    for (size_t i = 0; i < n; i++)
        json_put_f64(out, NULL, values[i]);
    json_close(out, ']');
}

void json_open(struct str *out, const char *key, char bracket)
{
    json_put_key(out, key);
    str_append_char(out, bracket);
}

void json_close(struct str *out, char bracket)
{
    str_append_char(out, bracket);
}
