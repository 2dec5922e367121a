/*
 * Unicode for the tokenizer. Equal to Python 3.11 on every code point that Unicode 14 assigns, which
 * tests/parity/test_tokenizer.py checks one by one; utf8proc may know a newer Unicode.
 */
#include "prompt/clip/unicode.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum {
    CAPITAL_I_WITH_DOT = 0x130,
    COMBINING_DOT_ABOVE = 0x307,
    COMBINING_YPOGEGRAMMENI = 0x345,
    CAPITAL_SIGMA = 0x3a3,
    FINAL_SIGMA = 0x3c2,
    SMALL_SIGMA = 0x3c3,
};

/* ---------------------------------------------------------------- UTF-8 */

int unicode_decode(struct codepoints *out, const char *text)
{
    *out = (struct codepoints){0};
    size_t n_bytes = strlen(text);
    uint32_t *data = malloc((n_bytes + 1) * sizeof *data);
    if (!data)
        return error_out_of_memory();
    size_t n = 0;
    for (size_t i = 0; i < n_bytes;) {
        utf8proc_int32_t codepoint = -1;
        utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(n_bytes - i), &codepoint);
        if (used <= 0) {
            free(data);
            return error_set(ERR_FORMAT, "expected UTF-8, found byte 0x%02x at offset %zu",
                             (unsigned char)text[i], i);
        }
        data[n++] = (uint32_t)codepoint;
        i += (size_t)used;
    }
    *out = (struct codepoints){.data = data, .n = n};
    return OK;
}

void unicode_free(struct codepoints *text)
{
    free(text->data);
    *text = (struct codepoints){0};
}

size_t unicode_encode(unsigned char out[UNICODE_MAX_BYTES], uint32_t codepoint)
{
    return (size_t)utf8proc_encode_char((utf8proc_int32_t)codepoint, out);
}

/* ---------------------------------------------------------------- white space */

/* str.isspace(): the White_Space property and, unlike it, the separators U+001C to U+001F. */
static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

void unicode_collapse_spaces(struct codepoints *text)
{
    size_t n = 0;
    bool owes_space = false;
    for (size_t i = 0; i < text->n; i++) {
        if (is_space(text->data[i])) {
            owes_space = n > 0;
            continue;
        }
        if (owes_space)
            text->data[n++] = ' ';
        owes_space = false;
        text->data[n++] = text->data[i];
    }
    text->n = n;
}

/* ---------------------------------------------------------------- categories */

#define CATEGORY(name) (UINT32_C(1) << UTF8PROC_CATEGORY_##name)

static bool is_of(uint32_t c, uint32_t categories)
{
    return ((UINT32_C(1) << utf8proc_category((utf8proc_int32_t)c)) & categories) != 0;
}

enum unicode_class unicode_class(uint32_t c)
{
    /* With IGNORECASE, Python's `regex` matches this mark neither as a letter (it is Mn) nor as no letter
     * (its upper case, iota, is one), so open_clip drops it. No other code point behaves so. */
    if (c == COMBINING_YPOGEGRAMMENI || is_space(c))
        return UNICODE_SKIPPED;
    if (is_of(c, CATEGORY(LU) | CATEGORY(LL) | CATEGORY(LT) | CATEGORY(LM) | CATEGORY(LO)))
        return UNICODE_LETTER;
    if (is_of(c, CATEGORY(ND) | CATEGORY(NL) | CATEGORY(NO)))
        return UNICODE_NUMBER;
    return UNICODE_OTHER;
}

/* ---------------------------------------------------------------- lower case */

/* The property Case_Ignorable: marks, formats, modifiers, and punctuation that stands inside words. */
static bool is_case_ignorable(uint32_t c)
{
    static const uint16_t inside_words[] = {0x27,   0x2e,   0x3a,   0xb7,   0x387,  0x55f,
                                            0x5f4,  0x2018, 0x2019, 0x2024, 0x2027, 0xfe13,
                                            0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};
    for (size_t i = 0; i < sizeof inside_words / sizeof inside_words[0]; i++)
        if (c == inside_words[i])
            return true;
    return is_of(c, CATEGORY(MN) | CATEGORY(ME) | CATEGORY(CF) | CATEGORY(LM) | CATEGORY(SK));
}

/* The property Cased, of code points that are not Case_Ignorable: nobody asks for the others. */
static bool is_cased(uint32_t c)
{
    return is_of(c, CATEGORY(LU) | CATEGORY(LL) | CATEGORY(LT)) || c == 0xaa ||
           c == 0xba ||                                                        /* ordinal indicators */
           (c >= 0x2160 && c <= 0x217f) ||                                     /* Roman numerals */
           (c >= 0x24b6 && c <= 0x24e9) ||                                     /* circled letters */
           (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) || /* squared letters */
           (c >= 0x1f170 && c <= 0x1f189);
}

/* Whether the sigma at `i` ends a word: a cased letter before it and none after it, ignorable ones looked
 * through. */
static bool is_final_sigma(const struct codepoints *text, size_t i)
{
    size_t before = i;
    while (before > 0 && is_case_ignorable(text->data[before - 1]))
        before--;
    if (before == 0 || !is_cased(text->data[before - 1]))
        return false;
    size_t after = i + 1;
    while (after < text->n && is_case_ignorable(text->data[after]))
        after++;
    return after == text->n || !is_cased(text->data[after]);
}

int unicode_lower(struct codepoints *out, const struct codepoints *text)
{
    *out = (struct codepoints){0};
    size_t n = text->n;
    for (size_t i = 0; i < text->n; i++)
        n += text->data[i] == CAPITAL_I_WITH_DOT;
    uint32_t *data = malloc((n + 1) * sizeof *data);
    if (!data)
        return error_out_of_memory();
    size_t end = 0;
    for (size_t i = 0; i < text->n; i++) {
        uint32_t c = text->data[i];
        if (c == CAPITAL_SIGMA) {
            data[end++] = is_final_sigma(text, i) ? FINAL_SIGMA : SMALL_SIGMA;
        } else if (c == CAPITAL_I_WITH_DOT) {
            data[end++] = 'i';
            data[end++] = COMBINING_DOT_ABOVE;
        } else {
            data[end++] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
        }
    }
    *out = (struct codepoints){.data = data, .n = end};
    return OK;
}
