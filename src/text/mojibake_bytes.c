/* The byte patterns, and the choice of those worth a repair, are ftfy 6.3.1's. */
#include "mojibake_bytes.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

enum { LOST = 0x1a };

static bool is_between(unsigned char byte, unsigned char first, unsigned char last)
{
    return byte >= first && byte <= last;
}

static bool continues(unsigned char byte)
{
    return is_between(byte, 0x80, 0xbf);
}

/* ---------------------------------------------------------------- spaces for 0xA0 */

/* Continuations beside such a space: not 0xA0 itself, nor 0x85, an ellipsis. */
static bool continues_beside_space(unsigned char byte)
{
    return continues(byte) && byte != 0x85 && byte != 0xa0;
}

/* The length of a sequence with a space in place of a byte 0xA0; 0 if there is none. */
static size_t altered_length(const unsigned char *b, size_t n)
{
    static const unsigned char first_of_2[] = {0xc2, 0xc3, 0xc5, 0xce, 0xd0, 0xd9};
    if (n >= 2 && memchr(first_of_2, b[0], sizeof first_of_2) && b[1] == ' ')
        return 2;
    if (n >= 3 && is_between(b[0], 0xe2, 0xe3) && b[1] == ' ' && continues_beside_space(b[2]))
        return 3;
    if (n >= 3 && is_between(b[0], 0xe0, 0xe3) && continues_beside_space(b[1]) && b[2] == ' ')
        return 3;
    if (n < 4 || b[0] != 0xf0)
        return 0;
    int n_spaces = 0;
    for (int i = 1; i < 4; i++) {
        n_spaces += b[i] == ' ';
        if (b[i] != ' ' && !continues(b[i]))
            return 0;
    }
    return n_spaces == 1 ? 4 : 0;
}

static bool begins(const unsigned char *b, size_t n, const char *word)
{
    return n >= strlen(word) && memcmp(b, word, strlen(word)) == 0;
}

/* Whether 0xC3 and a space are the word "a" with a grave accent and a space, so that 0xA0 is missing. */
static bool is_word_a(const unsigned char *b, size_t n)
{
    if (!begins(b, n, "\xc3 "))
        return false;
    static const char *const others[] = {" ", "quele", "quela", "quilo", "s "};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (begins(b + 2, n - 2, others[i]))
            return false;
    return true;
}

static bool has_altered(const struct str *bytes)
{
    for (size_t i = 0; i < bytes->len; i++)
        if (altered_length((const unsigned char *)bytes->data + i, bytes->len - i) > 0)
            return true;
    return false;
}

/* Replaces `bytes` by `fixed`. */
static int replace(struct str *bytes, struct str *fixed)
{
    const int status = str_status(fixed);
    if (status != OK) {
        str_free(fixed);
        return status;
    }
    str_free(bytes);
    *bytes = *fixed;
    return OK;
}

int bytes_restore_spaces(struct str *bytes)
{
    if (!has_altered(bytes))
        return str_status(bytes);
    struct str fixed = {0};
    for (size_t i = 0; i < bytes->len; i++) {
        str_append_char(&fixed, bytes->data[i]);
        if (is_word_a((const unsigned char *)bytes->data + i, bytes->len - i))
            str_append_char(&fixed, '\xa0');
    }
    for (size_t i = 0; !fixed.failed && i < fixed.len;) {
        const size_t n = altered_length((const unsigned char *)fixed.data + i, fixed.len - i);
        for (size_t j = 0; j < n; j++)
            if (fixed.data[i + j] == ' ')
                fixed.data[i + j] = '\xa0';
        i += n > 0 ? n : 1;
    }
    return replace(bytes, &fixed);
}

/* ---------------------------------------------------------------- lost bytes */

enum mark { CONTINUES = 1, IS_LOST = 2, IS_QUESTION = 4 };

static unsigned mark_of(unsigned char byte)
{
    return continues(byte) ? CONTINUES : byte == LOST ? IS_LOST : byte == '?' ? IS_QUESTION : 0U;
}

/* Whether b[1..n) are continuations, some of them lost, at most one of these as a '?'. */
static bool is_lossy(const unsigned char *b, size_t n)
{
    size_t n_lost = 0;
    size_t n_questions = 0;
    for (size_t i = 1; i < n; i++) {
        const unsigned mark = mark_of(b[i]);
        if (mark == 0)
            return false;
        n_lost += mark == IS_LOST;
        n_questions += mark == IS_QUESTION;
    }
    return n_questions <= 1 && n_lost + n_questions > 0;
}

/* A pair of surrogates of three bytes each, one or both without the third byte. */
static bool is_lossy_pair(const unsigned char *b, size_t n)
{
    if (n < 6 || b[0] != 0xed || !is_between(b[1], 0xa0, 0xaf) || b[3] != 0xed ||
        !is_between(b[4], 0xb0, 0xbf))
        return false;
    const unsigned marks[2] = {mark_of(b[2]), mark_of(b[5])};
    return marks[0] && marks[1] && ((marks[0] | marks[1]) & (IS_LOST | IS_QUESTION));
}

static size_t lossy_length(const unsigned char *b, size_t n)
{
    if (n >= 2 &&
        ((is_between(b[0], 0xc2, 0xdf) && b[1] == LOST) || (is_between(b[0], 0xc2, 0xc3) && b[1] == '?')))
        return 2;
    if (is_lossy_pair(b, n))
        return 6;
    if (n >= 3 && is_between(b[0], 0xe0, 0xef) && is_lossy(b, 3))
        return 3;
    if (n >= 4 && is_between(b[0], 0xf0, 0xf4) && is_lossy(b, 4))
        return 4;
    return b[0] == LOST;
}

int bytes_replace_lost(struct str *bytes)
{
    struct str fixed = {0};
    for (size_t i = 0; i < bytes->len;) {
        const size_t n = lossy_length((const unsigned char *)bytes->data + i, bytes->len - i);
        if (n > 0)
            str_append(&fixed, "\xef\xbf\xbd");
        else
            str_append_char(&fixed, bytes->data[i]);
        i += n > 0 ? n : 1;
    }
    return replace(bytes, &fixed);
}

/* ---------------------------------------------------------------- decoding */

/* The number of bytes of the code point at `b`; 0 if it is invalid. */
static size_t decode_one(uint32_t *out, const unsigned char *b, size_t n)
{
    if (n >= 2 && b[0] == 0xc0 && b[1] == 0x80) {
        *out = 0;
        return 2;
    }
    if (n >= 6 && b[0] == 0xed && is_between(b[1], 0xa0, 0xaf) && continues(b[2]) && b[3] == 0xed &&
        is_between(b[4], 0xb0, 0xbf) && continues(b[5])) {
        *out = 0x10000 + ((b[1] & 0x0fU) << 16) + ((b[2] & 0x3fU) << 10) + ((b[4] & 0x0fU) << 6) +
               (b[5] & 0x3fU);
        return 6;
    }
    utf8proc_int32_t codepoint = -1;
    const utf8proc_ssize_t used = utf8proc_iterate(b, (utf8proc_ssize_t)n, &codepoint);
    *out = (uint32_t)codepoint;
    return used > 0 ? (size_t)used : 0;
}

int bytes_decode(struct codepoints *out, bool *is_valid, const struct str *bytes)
{
    *is_valid = false;
    for (size_t i = 0; i < bytes->len;) {
        uint32_t codepoint = 0;
        const size_t n = decode_one(&codepoint, (const unsigned char *)bytes->data + i, bytes->len - i);
        if (n == 0)
            return OK;
        const int status = unicode_append(out, &codepoint, 1);
        if (status != OK)
            return status;
        i += n;
    }
    *is_valid = true;
    return OK;
}
