/*
 * The tokens of JSON text.
 *
 * cJSON parses, but it is lenient within tokens, does not keep the line of a value, and of an error it tells
 * only the position. So this file walks the same text once, token by token. The order of the tokens is left
 * to cJSON; here it only serves to name what was expected where cJSON stopped.
 */
#include "json_scan.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/error.h"
#include "prompt/base/str.h"

enum { NUMBER_MAX_LEN = 60 }; /* cJSON would silently stop reading after 63 */

enum token { NOTHING, OPEN, COMMA, KEY, COLON, VALUE }; /* VALUE: a scalar, or the end of a container */

struct scanner {
    const char *name; /* for messages */
    const char *text;
    size_t n;
    size_t pos;
    int line;
    enum token before;
    int depth;        /* of open containers */
    uint64_t objects; /* a bit for each of them, the innermost lowest: whether it is an object */
    int *lines;       /* [n_values] */
    size_t n_values;
};
_Static_assert(JSON_MAX_DEPTH <= 64, "objects has a bit for each open container");

/* ---------------------------------------------------------------- bytes */

/* The byte at the position, -1 at the end. */
static int peek(const struct scanner *s)
{
    return s->pos < s->n ? (unsigned char)s->text[s->pos] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int fail_at(const struct scanner *s, const char *what)
{
    return error_set(ERR_FORMAT, "%s:%d: %s", s->name, s->line, what);
}

/* "expected <what>, found <the byte at the position>" */
static int fail_expected(const struct scanner *s, const char *what)
{
    int c = peek(s);
    if (c < 0)
        return error_set(ERR_FORMAT, "%s:%d: expected %s, found the end of the text", s->name, s->line, what);
    if (c > ' ' && c < 0x7F)
        return error_set(ERR_FORMAT, "%s:%d: expected %s, found '%c'", s->name, s->line, what, c);
    return error_set(ERR_FORMAT, "%s:%d: expected %s, found byte 0x%02x", s->name, s->line, what,
                     (unsigned)c);
}

static void skip_space(struct scanner *s)
{
    for (int c = peek(s); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = peek(s)) {
        s->line += c == '\n' && s->line < INT_MAX;
        s->pos++;
    }
}

/* ---------------------------------------------------------------- strings */

/* The four hex digits at the position, -1 if they are not there. */
static long scan_hex4(struct scanner *s)
{
    long value = 0;
    for (int i = 0; i < 4; i++, s->pos++) {
        int c = peek(s);
        if (is_digit(c))
            value = value * 16 + (c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            value = value * 16 + ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return value;
}

/* After "\u". */
static int scan_unicode_escape(struct scanner *s)
{
    long unit = scan_hex4(s);
    if (unit < 0)
        return fail_expected(s, "four hex digits after \\u");
    if (unit == 0)
        return fail_at(s, "a string with \\u0000");
    if (unit < 0xD800 || unit > 0xDFFF)
        return OK;
    bool is_pair = unit <= 0xDBFF && s->n - s->pos >= 2 && memcmp(s->text + s->pos, "\\u", 2) == 0;
    if (is_pair) {
        s->pos += 2;
        long low = scan_hex4(s);
        is_pair = low >= 0xDC00 && low <= 0xDFFF;
    }
    return is_pair ? OK : fail_at(s, "a \\u escape that is half of a surrogate pair");
}

static int scan_escape(struct scanner *s)
{
    s->pos++;
    int c = peek(s);
    if (c < 0 || !strchr("\"\\/bfnrtu", c) || c == '\0')
        return fail_expected(s, "one of \"\\/bfnrtu after a backslash");
    s->pos++;
    return c == 'u' ? scan_unicode_escape(s) : OK;
}

static int scan_string(struct scanner *s)
{
    s->pos++; /* the opening quote */
    for (;;) {
        int c = peek(s);
        if (c == '"') {
            s->pos++;
            return OK;
        }
        if (c < 0)
            return fail_expected(s, "'\"' at the end of a string");
        if (c == '\n' || c == '\r')
            return fail_at(s, "a line break inside a string");
        if (c < ' ')
            return fail_expected(s, "no control character inside a string");
        if (c == '\\') {
            int status = scan_escape(s);
            if (status != OK)
                return status;
            continue;
        }
        size_t length = utf8_sequence(s->text + s->pos, s->n - s->pos);
        if (length == 0)
            return fail_expected(s, "UTF-8");
        s->pos += length;
    }
}

/* ---------------------------------------------------------------- numbers */

static int scan_digits(struct scanner *s)
{
    if (!is_digit(peek(s)))
        return fail_expected(s, "a digit");
    while (is_digit(peek(s)))
        s->pos++;
    return OK;
}

static int scan_number(struct scanner *s)
{
    size_t start = s->pos;
    if (peek(s) == '-')
        s->pos++;
    if (peek(s) == '0') {
        s->pos++;
        if (is_digit(peek(s)))
            return fail_at(s, "a number with a leading zero");
    } else if (scan_digits(s) != OK) {
        return ERR_FORMAT;
    }
    if (peek(s) == '.') {
        s->pos++;
        if (scan_digits(s) != OK)
            return ERR_FORMAT;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->pos++;
        if (peek(s) == '+' || peek(s) == '-')
            s->pos++;
        if (scan_digits(s) != OK)
            return ERR_FORMAT;
    }
    if (s->pos - start > NUMBER_MAX_LEN)
        return fail_at(s, "a number of more than 60 characters");
    /* strtod ends where the number ends, because the text has a NUL after its last byte. */
    if (!isfinite(strtod(s->text + start, NULL)))
        return fail_at(s, "a number too large for a double");
    return OK;
}

/* ---------------------------------------------------------------- the order of tokens */

static const char A_VALUE[] = "a value", A_KEY[] = "a key in double quotes";

/* What may come next. */
static const char *expected(const struct scanner *s)
{
    const bool in_object = s->depth > 0 && (s->objects & 1);
    switch (s->before) {
    case KEY:
        return "':' after a key";
    case VALUE:
        return s->depth == 0 ? "nothing after the document" : in_object ? "',' or '}'" : "',' or ']'";
    case OPEN:
    case COMMA:
        return in_object ? A_KEY : A_VALUE;
    case NOTHING:
    case COLON:
        break;
    }
    return A_VALUE;
}

static int scan_open(struct scanner *s, bool is_object)
{
    if (s->depth == JSON_MAX_DEPTH)
        return fail_at(s, "arrays or objects nested too deeply");
    s->pos++;
    s->depth++;
    s->objects = s->objects << 1 | is_object;
    s->before = OPEN;
    return OK;
}

static void scan_close(struct scanner *s)
{
    s->pos++;
    s->depth--;
    s->objects >>= 1;
    s->before = VALUE;
}

/* A key, a value, or the start of one. */
static int scan_item(struct scanner *s, int c, bool is_key)
{
    if (!is_key && array_grow(&s->lines, s->n_values, sizeof *s->lines) != OK)
        return ERR_MEMORY;
    if (!is_key)
        s->lines[s->n_values++] = s->line;
    if (c == '{' || c == '[')
        return scan_open(s, c == '{');
    s->before = is_key ? KEY : VALUE;
    if (c == '"')
        return scan_string(s);
    if (c == '-' || is_digit(c))
        return scan_number(s);
    s->pos += c == 'f' ? strlen("false") : strlen("true"); /* or null */
    return OK;
}

/* A token that cJSON accepted. It lets control characters between tokens pass, and any byte for a key. */
static int scan_token(struct scanner *s)
{
    const int c = peek(s);
    const bool is_key = expected(s) == A_KEY;
    const bool is_end = c == ']' || c == '}';
    if (c < ' ' || (is_key && c != '"' && !(c == '}' && s->before == OPEN)))
        return fail_expected(s, expected(s));
    if (is_end)
        scan_close(s);
    else if (c == ',' || c == ':') {
        s->pos++;
        s->before = c == ',' ? COMMA : COLON;
    } else
        return scan_item(s, c, is_key);
    return OK;
}

int json_scan(int **lines, const char *text, size_t n, size_t end, bool is_whole, const char *name)
{
    struct scanner s = {.name = name, .text = text, .n = n, .line = 1};
    int status = OK;
    skip_space(&s);
    while (status == OK && s.pos < end) {
        status = scan_token(&s);
        skip_space(&s);
    }
    if (status == OK && !(is_whole && s.pos == n)) {
        if (expected(&s) == A_VALUE && peek(&s) == '-') /* a sign alone */
            status = scan_number(&s);
        status = status == OK ? fail_expected(&s, expected(&s)) : status;
    }
    if (status != OK)
        free(s.lines);
    *lines = status == OK ? s.lines : NULL;
    return status;
}
