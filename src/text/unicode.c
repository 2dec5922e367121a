/*
 * Unicode for the tokenizer. Agrees with Python 3.11 on every code point assigned in Unicode 14, as
 * tests/parity/test_tokenizer.py checks one by one; utf8proc may have a newer Unicode.
 */
#include "prompt/text/unicode.h"

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
    *out = (struct codepoints){.data = data, .n = n, .capacity = n_bytes + 1};
    return OK;
}

void unicode_free(struct codepoints *text)
{
    free(text->data);
    *text = (struct codepoints){0};
}

int unicode_append(struct codepoints *text, const uint32_t *codepoints, size_t n)
{
    if (text->n + n > text->capacity) {
        const size_t capacity = 2 * (text->n + n);
        uint32_t *grown = realloc(text->data, capacity * sizeof *grown);
        if (!grown)
            return error_out_of_memory();
        text->data = grown;
        text->capacity = capacity;
    }
    for (size_t i = 0; i < n; i++)
        text->data[text->n++] = codepoints[i];
    return OK;
}

size_t unicode_encode(unsigned char out[UNICODE_MAX_BYTES], uint32_t codepoint)
{
    return (size_t)utf8proc_encode_char((utf8proc_int32_t)codepoint, out);
}

/* ---------------------------------------------------------------- white space */

/* str.isspace(): the White_Space property and, unlike it, the separators U+001C to U+001F. */
bool unicode_is_space(uint32_t c)
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
        if (unicode_is_space(text->data[i])) {
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
    /* With IGNORECASE, Python's `regex` matches this mark neither as a letter (it is Mn) nor as a non-letter
     * (its upper case, iota, is a letter), so open_clip drops it. It is the only such code point. */
    if (c == COMBINING_YPOGEGRAMMENI || unicode_is_space(c))
        return UNICODE_SKIPPED;
    if (is_of(c, CATEGORY(LU) | CATEGORY(LL) | CATEGORY(LT) | CATEGORY(LM) | CATEGORY(LO)))
        return UNICODE_LETTER;
    if (is_of(c, CATEGORY(ND) | CATEGORY(NL) | CATEGORY(NO)))
        return UNICODE_NUMBER;
    return UNICODE_OTHER;
}

bool unicode_is_digit(uint32_t c)
{
    return is_of(c, CATEGORY(ND));
}

/* ---------------------------------------------------------------- normalization */

/* Nothing below U+0300 composes or moves. */
static bool is_nfc_by_range(const struct codepoints *text)
{
    for (size_t i = 0; i < text->n; i++)
        if (text->data[i] >= 0x300)
            return false;
    return true;
}

/* Canonical order: sorts marks by class, stably. */
static void order_marks(uint32_t *data, uint8_t *classes, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const uint32_t c = data[i];
        const uint8_t class = classes[i];
        size_t j = i;
        for (; class != 0 && j > 0 && classes[j - 1] > class; j--) {
            data[j] = data[j - 1];
            classes[j] = classes[j - 1];
        }
        data[j] = c;
        classes[j] = class;
    }
}

static int decompose(struct codepoints *out, const struct codepoints *text)
{
    enum { MOST = 8 }; /* of one code point: at most four */
    int status = OK;
    for (size_t i = 0; status == OK && i < text->n; i++) {
        utf8proc_int32_t parts[MOST];
        const utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)text->data[i], parts, MOST,
                                                           UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, NULL);
        for (utf8proc_ssize_t j = 0; status == OK && j < n; j++)
            status = unicode_append(out, &(uint32_t){(uint32_t)parts[j]}, 1);
    }
    return status;
}

int unicode_nfc(struct codepoints *text)
{
    if (is_nfc_by_range(text))
        return OK;
    struct codepoints parts = {0};
    int status = decompose(&parts, text);
    uint8_t *classes = status == OK ? malloc(parts.n) : NULL;
    if (status == OK && !classes)
        status = error_out_of_memory();
    for (size_t i = 0; status == OK && i < parts.n; i++)
        classes[i] = (uint8_t)utf8proc_get_property((utf8proc_int32_t)parts.data[i])->combining_class;
    if (status != OK) {
        unicode_free(&parts);
        return status;
    }
    order_marks(parts.data, classes, parts.n);
    free(classes);
    const utf8proc_ssize_t n = utf8proc_normalize_utf32(
        (utf8proc_int32_t *)parts.data, (utf8proc_ssize_t)parts.n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    parts.n = n > 0 ? (size_t)n : 0;
    unicode_free(text);
    *text = parts;
    return OK;
}

size_t unicode_usual_width(uint32_t out[UNICODE_WIDTH_MAX], uint32_t c)
{
    utf8proc_int32_t parts[UNICODE_WIDTH_MAX];
    const utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)c, parts, UNICODE_WIDTH_MAX,
                                UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE, NULL);
    if (n < 1 || n > UNICODE_WIDTH_MAX) {
        out[0] = c;
        return 1;
    }
    for (utf8proc_ssize_t i = 0; i < n; i++)
        out[i] = (uint32_t)parts[i];
    return (size_t)n;
}

/* ---------------------------------------------------------------- case */

uint32_t unicode_upper(uint32_t c)
{
    return (uint32_t)utf8proc_toupper((utf8proc_int32_t)c);
}

/* The property Case_Ignorable: marks, formats, modifiers, and punctuation inside words. */
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

/* The property Cased, only for code points that are not Case_Ignorable. */
static bool is_cased(uint32_t c)
{
    return is_of(c, CATEGORY(LU) | CATEGORY(LL) | CATEGORY(LT)) || c == 0xaa ||
           c == 0xba ||                                                        /* ordinal indicators */
           (c >= 0x2160 && c <= 0x217f) ||                                     /* Roman numerals */
           (c >= 0x24b6 && c <= 0x24e9) ||                                     /* circled letters */
           (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) || /* squared letters */
           (c >= 0x1f170 && c <= 0x1f189);
}

/* Whether the sigma at `i` ends a word: a cased letter precedes and none follows, skipping ignorable ones. */
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
    *out = (struct codepoints){.data = data, .n = end, .capacity = n + 1};
    return OK;
}
