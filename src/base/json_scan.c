/*
 * The strict scanner of JSON text.
 *
 * cJSON builds the tree but is lenient (01, -.5, raw control characters, any bytes in strings) and forgets
 * where a value stood. So the text is walked here first, by one recursive function per production; the same
 * walk, counting values, later finds the line of a value for an error message.
 */
#include "json_scan.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/error.h"

enum { NUMBER_MAX_LEN = 60 }; /* cJSON would silently stop reading after 63 */

struct scanner {
    const char *text;
    size_t n;
    size_t pos;
    size_t line;
    size_t n_values;    /* started so far */
    size_t wanted;      /* ordinal of the value whose line is asked for */
    size_t wanted_line; /* 0 until it was met */
    const char *name;   /* for messages */
};

/* ---------------------------------------------------------------- bytes */

size_t utf8_sequence(const char *bytes, size_t n)
{
    const unsigned char *b = (const unsigned char *)bytes;
    if (n == 0)
        return 0;
    if (b[0] < 0x80)
        return 1;
    /* The second byte's range excludes overlong forms, surrogates and code points above U+10FFFF. */
    size_t length = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
    if (b[0] < 0xC2 || b[0] > 0xF4 || n < length)
        return 0;
    unsigned low = b[0] == 0xE0 ? 0xA0 : b[0] == 0xF0 ? 0x90 : 0x80;
    unsigned high = b[0] == 0xED ? 0x9F : b[0] == 0xF4 ? 0x8F : 0xBF;
    if (b[1] < low || b[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (b[i] < 0x80 || b[i] > 0xBF)
            return 0;
    return length;
}

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
    return error_set(ERR_FORMAT, "%s:%zu: %s", s->name, s->line, what);
}

/* "expected <what>, found <the byte at the position>" */
static int fail_expected(const struct scanner *s, const char *what)
{
    int c = peek(s);
    if (c < 0)
        return error_set(ERR_FORMAT, "%s:%zu: expected %s, found the end of the text", s->name, s->line,
                         what);
    if (c > ' ' && c < 0x7F)
        return error_set(ERR_FORMAT, "%s:%zu: expected %s, found '%c'", s->name, s->line, what, c);
    return error_set(ERR_FORMAT, "%s:%zu: expected %s, found byte 0x%02x", s->name, s->line, what,
                     (unsigned)c);
}

static void skip_space(struct scanner *s)
{
    for (int c = peek(s); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = peek(s)) {
        s->line += c == '\n';
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

/* ---------------------------------------------------------------- numbers and words */

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

static int scan_word(struct scanner *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if (s->n - s->pos >= length && memcmp(s->text + s->pos, words[i], length) == 0) {
            s->pos += length;
            return OK;
        }
    }
    return fail_expected(s, "a value");
}

/* ---------------------------------------------------------------- values */

static int scan_value(struct scanner *s, int depth);

/* Array or object: `close` ends it; members of an object have a key in front. */
static int scan_container(struct scanner *s, int depth, bool is_object)
{
    if (depth >= JSON_MAX_DEPTH)
        return fail_at(s, "arrays or objects nested too deeply");
    const int close = is_object ? '}' : ']';
    s->pos++;
    skip_space(s);
    if (peek(s) == close) {
        s->pos++;
        return OK;
    }
    for (;;) {
        if (is_object) {
            if (peek(s) != '"')
                return fail_expected(s, "a key in double quotes");
            if (scan_string(s) != OK)
                return ERR_FORMAT;
            skip_space(s);
            if (peek(s) != ':')
                return fail_expected(s, "':' after a key");
            s->pos++;
            skip_space(s);
        }
        if (scan_value(s, depth + 1) != OK)
            return ERR_FORMAT;
        skip_space(s);
        if (peek(s) == close) {
            s->pos++;
            return OK;
        }
        if (peek(s) != ',')
            return fail_expected(s, is_object ? "',' or '}'" : "',' or ']'");
        s->pos++;
        skip_space(s);
    }
}

static int scan_value(struct scanner *s, int depth)
{
    if (s->n_values++ == s->wanted)
        s->wanted_line = s->line;
    int c = peek(s);
    if (c == '{' || c == '[')
        return scan_container(s, depth, c == '{');
    if (c == '"')
        return scan_string(s);
    if (c == '-' || is_digit(c))
        return scan_number(s);
    return scan_word(s);
}

static int scan_document(struct scanner *s)
{
    skip_space(s);
    if (scan_value(s, 0) != OK)
        return ERR_FORMAT;
    skip_space(s);
    return s->pos == s->n ? OK : fail_expected(s, "nothing after the document");
}

int json_scan_check(const char *text, size_t n, const char *name)
{
    struct scanner s = {.text = text, .n = n, .line = 1, .wanted = SIZE_MAX, .name = name};
    return scan_document(&s);
}

size_t json_scan_line(const char *text, size_t n, size_t ordinal)
{
    struct scanner s = {.text = text, .n = n, .line = 1, .wanted = ordinal, .name = ""};
    return scan_document(&s) == OK ? s.wanted_line : 0;
}
