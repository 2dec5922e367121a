/*
 * html.unescape() on code points. What counts as a reference is Python's regular expression
 *
 *   &(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)
 *
 * and what it stands for follows HTML5's "numeric character reference end state" and its table of names.
 */
#include "prompt/clip/html.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "html_entities.h"

enum { LAST_CODEPOINT = 0x10ffff, REPLACEMENT = 0xfffd };

/* ---------------------------------------------------------------- numbers */

static int digit_value(uint32_t c, uint32_t base)
{
    if (c >= '0' && c <= '9')
        return (int)(c - '0');
    if (base == 16 && c >= 'a' && c <= 'f')
        return (int)(c - 'a') + 10;
    if (base == 16 && c >= 'A' && c <= 'F')
        return (int)(c - 'A') + 10;
    return -1;
}

static bool is_control(uint32_t c)
{
    return (c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f;
}

static bool is_noncharacter(uint32_t c)
{
    return (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

/* Writes what the number stands for: one code point, or none for what HTML5 calls a parse error. */
static size_t replace_number(uint32_t *out, uint32_t number)
{
    if (is_control(number) || (is_noncharacter(number) && number <= LAST_CODEPOINT))
        return 0;
    if (number >= HTML_C1_FIRST && number < HTML_C1_FIRST + HTML_N_C1)
        *out = html_c1_replacements[number - HTML_C1_FIRST];
    else if (number == 0 || (number >= 0xd800 && number <= 0xdfff) || number > LAST_CODEPOINT)
        *out = REPLACEMENT;
    else
        *out = number;
    return 1;
}

/*
 * `in[0..n)` follows the '&' and begins with '#'. Returns how much of it is the reference, 0 if it is none.
 */
static size_t unescape_number(uint32_t *out, size_t *n_out, const uint32_t *in, size_t n)
{
    uint32_t base = n > 1 && (in[1] == 'x' || in[1] == 'X') ? 16 : 10;
    size_t start = base == 16 ? 2 : 1;
    size_t end = start;
    uint32_t number = 0;
    for (; end < n && digit_value(in[end], base) >= 0; end++) {
        number = number * base + (uint32_t)digit_value(in[end], base);
        if (number > LAST_CODEPOINT) /* and stays so, without overflow, however many digits follow */
            number = LAST_CODEPOINT + 1;
    }
    if (end == start)
        return 0;
    *n_out = replace_number(out, number);
    return end + (end < n && in[end] == ';');
}

/* ---------------------------------------------------------------- names */

static int compare_name(const void *name, const void *entity)
{
    return strcmp(name, ((const struct html_entity *)entity)->name);
}

static const struct html_entity *find_entity(const char *name)
{
    return bsearch(name, html_entities, n_html_entities, sizeof html_entities[0], compare_name);
}

static bool ends_name(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\f' || c == ' ' || c == '<' || c == '&' || c == '#' || c == ';';
}

/* The whole name, else the longest known beginning of two characters or more; `name` is cut to it. NULL if
 * none. */
static const struct html_entity *find_longest(char *name, size_t n)
{
    const struct html_entity *entity = find_entity(name);
    for (size_t m = n; !entity && m > 2; m--) {
        name[m - 1] = '\0';
        entity = find_entity(name);
    }
    return entity;
}

/* `in[0..n)` follows the '&'. Returns how much of it is the reference, 0 if it is none. */
static size_t unescape_name(uint32_t *out, size_t *n_out, const uint32_t *in, size_t n)
{
    char name[HTML_NAME_MAX + 2]; /* 32 characters, ';', NUL */
    size_t end = 0;               /* of the name's part that is ASCII; no known name goes beyond */
    while (end < n && end < HTML_NAME_MAX && in[end] < 0x80 && !ends_name(in[end])) {
        name[end] = (char)in[end];
        end++;
    }
    if (end > 0 && end < n && in[end] == ';')
        name[end++] = ';';
    name[end] = '\0';
    const struct html_entity *entity = find_longest(name, end);
    if (!entity)
        return 0;
    out[0] = entity->first;
    out[1] = entity->second;
    *n_out = entity->second ? 2 : 1;
    return strlen(entity->name);
}

/* ---------------------------------------------------------------- text */

void html_unescape(struct codepoints *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->n;) {
        size_t used = 0;
        size_t n_new = 0;
        uint32_t new_codepoints[2] = {0};
        const uint32_t *rest = text->data + i + 1;
        size_t n_rest = text->n - i - 1;
        if (text->data[i] == '&' && n_rest > 0 && rest[0] == '#')
            used = unescape_number(new_codepoints, &n_new, rest, n_rest);
        else if (text->data[i] == '&' && n_rest > 0)
            used = unescape_name(new_codepoints, &n_new, rest, n_rest);
        if (used == 0) {
            text->data[n++] = text->data[i++];
            continue;
        }
        for (size_t j = 0; j < n_new; j++)
            text->data[n++] = new_codepoints[j];
        i += 1 + used;
    }
    text->n = n;
}
