/*
 * html.unescape() on code points. References match Python's regular expression
 *
 *   &(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)
 *
 * and their replacements follow HTML5's "numeric character reference end state" and its table of names.
 */
#include "prompt/text/html.h"

#include <stdbool.h>
#include <string.h>

#include "html_entities.h"
#include "steps.h"

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

/* Writes the replacement of a number: one code point, or none for a parse error of HTML5. */
static size_t replace_number(uint32_t *out, uint32_t number)
{
    if (is_control(number) || (is_noncharacter(number) && number <= LAST_CODEPOINT))
        return 0;
    if (number == 0 || (number >= 0xd800 && number <= 0xdfff) || number > LAST_CODEPOINT)
        *out = REPLACEMENT;
    else
        *out = html_c1_replacement(number);
    return 1;
}

/* `in[0..n)` follows the '&' and begins with '#'. Returns the length of the reference, 0 if there is none. */
static size_t unescape_number(uint32_t *out, size_t *n_out, const uint32_t *in, size_t n)
{
    uint32_t base = n > 1 && (in[1] == 'x' || in[1] == 'X') ? 16 : 10;
    size_t start = base == 16 ? 2 : 1;
    size_t end = start;
    uint32_t number = 0;
    for (; end < n && digit_value(in[end], base) >= 0; end++) {
        number = number * base + (uint32_t)digit_value(in[end], base);
        if (number > LAST_CODEPOINT) /* stays above it, without overflow, however many digits follow */
            number = LAST_CODEPOINT + 1;
    }
    if (end == start)
        return 0;
    *n_out = replace_number(out, number);
    return end + (end < n && in[end] == ';');
}

/* ---------------------------------------------------------------- names */

static bool ends_name(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\f' || c == ' ' || c == '<' || c == '&' || c == '#' || c == ';';
}

/* The whole name, else its longest known prefix of at least two characters, to which it cuts `name`; or
 * NULL. */
static const struct html_entity *find_longest(char *name, size_t n)
{
    const struct html_entity *entity = html_entity_find(name);
    for (size_t m = n; !entity && m > 2; m--) {
        name[m - 1] = '\0';
        entity = html_entity_find(name);
    }
    return entity;
}

/* `in[0..n)` follows the '&'. Returns the length of the reference, 0 if there is none. */
static size_t unescape_name(uint32_t *out, size_t *n_out, const uint32_t *in, size_t n)
{
    char name[HTML_NAME_MAX + 2]; /* 32 characters, ';', NUL */
    size_t end = 0;               /* of the name's ASCII part; known names have no other characters */
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

/* ---------------------------------------------------------------- closed references */

enum { CLOSED_MAX = 24 }; /* ftfy's limit of letters and digits between '&' and ';' */

static bool is_alphanumeric(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* The length of the text after the '&' up to and including the ';'; 0 if it is not a closed reference. */
static size_t closed_length(const uint32_t *in, size_t n)
{
    const size_t start = n > 0 && in[0] == '#';
    size_t end = start;
    while (end < n && is_alphanumeric(in[end]))
        end++;
    return end > start && end <= start + CLOSED_MAX && end < n && in[end] == ';' ? end + 1 : 0;
}

/* str.upper() of a name's replacement. */
static size_t upper_of(uint32_t *out, const struct html_entity *entity)
{
    enum { SHARP_S = 0xdf };
    const uint32_t of[2] = {entity->first, entity->second};
    size_t n = 0;
    for (size_t i = 0; i < 2 && of[i]; i++) {
        uint32_t parts[LETTERS_MAX] = {'S', 'S'};
        const size_t n_parts = of[i] == SHARP_S ? 2 : letters_of_ligature(parts, of[i]);
        for (size_t j = 0; j < n_parts; j++)
            out[n++] = n_parts == 1 ? unicode_upper(of[i]) : unicode_upper(parts[j]);
    }
    return n;
}

/* Replaces a lower-case name written in capitals, unless HTML has that name or one that it begins with. */
static size_t unescape_capitals(uint32_t *out, char *name, size_t n)
{
    char small[CLOSED_MAX + 2] = {0};
    for (size_t i = 0; i < n; i++) {
        if (name[i] >= 'a' && name[i] <= 'z')
            return 0;
        small[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
    }
    const struct html_entity *entity = html_entity_find(small);
    return entity && !find_longest(name, n) ? upper_of(out, entity) : 0;
}

/* `in[0..n)` follows the '&' and ends with ';'. False if it is not replaced. */
static bool unescape_closed(uint32_t *out, size_t *n_out, const uint32_t *in, size_t n)
{
    if (in[0] == '#')
        return unescape_number(out, n_out, in, n) == n && !(*n_out == 1 && out[0] == ';');
    char name[CLOSED_MAX + 2] = {0};
    for (size_t i = 0; i < n; i++)
        name[i] = (char)in[i];
    const struct html_entity *entity = html_entity_find(name);
    if (!entity) {
        *n_out = unescape_capitals(out, name, n);
        return *n_out > 0;
    }
    out[0] = entity->first;
    out[1] = entity->second;
    *n_out = entity->second ? 2 : 1;
    return true;
}

/* ---------------------------------------------------------------- text */

enum { NEW_MAX = 2 * LETTERS_MAX };

/* `in[0..n)` follows an '&'. Returns the length of the reference, 0 if there is none. */
static size_t unescape_any(uint32_t *out, size_t *n_out, const uint32_t *in, size_t n)
{
    if (n == 0)
        return 0;
    return in[0] == '#' ? unescape_number(out, n_out, in, n) : unescape_name(out, n_out, in, n);
}

static size_t unescape_if_closed(uint32_t *out, size_t *n_out, const uint32_t *in, size_t n)
{
    const size_t length = closed_length(in, n);
    return length > 0 && unescape_closed(out, n_out, in, length) ? length : 0;
}

static void replace_all(struct codepoints *text,
                        size_t (*unescape)(uint32_t *out, size_t *n_out, const uint32_t *in, size_t n))
{
    size_t n = 0;
    for (size_t i = 0; i < text->n;) {
        size_t n_new = 0;
        uint32_t new_codepoints[NEW_MAX] = {0};
        const size_t used =
            text->data[i] == '&' ? unescape(new_codepoints, &n_new, text->data + i + 1, text->n - i - 1) : 0;
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

void html_unescape(struct codepoints *text)
{
    replace_all(text, unescape_any);
}

void html_unescape_closed(struct codepoints *text)
{
    replace_all(text, unescape_if_closed);
}
