/**
 * Unicode for the tokenizer: decoding, white space as in Python's str.split(), lower case as in str.lower(),
 * and the character classes of the tokenizer's pattern. Categories come from utf8proc.
 */
#ifndef PROMPT_TEXT_UNICODE_H
#define PROMPT_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/** A text as code points on the heap; `{0}` is empty. */
struct codepoints {
    uint32_t *data;
    size_t n;
    size_t capacity;
};

/** Classes of the pattern `[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`; UNICODE_SKIPPED: matched by no part of it. */
enum unicode_class { UNICODE_SKIPPED, UNICODE_LETTER, UNICODE_NUMBER, UNICODE_OTHER };

enum {
    UNICODE_MAX_BYTES = 4, /* of one code point in UTF-8 */
    UNICODE_WIDTH_MAX = 4, /* code points of unicode_usual_width */
};

/** Decodes UTF-8. ERR_FORMAT with the offset of the first invalid byte; ERR_MEMORY. */
int unicode_decode(struct codepoints *out, const char *text);
void unicode_free(struct codepoints *text);
int unicode_append(struct codepoints *text, const uint32_t *codepoints, size_t n); /* ERR_MEMORY */

/** Writes a valid code point as UTF-8, without a NUL, and returns the number of bytes. */
size_t unicode_encode(unsigned char out[UNICODE_MAX_BYTES], uint32_t codepoint);

/** " ".join(text.split()), in place: runs of white space become one space, with none at the ends. */
void unicode_collapse_spaces(struct codepoints *text);

bool unicode_is_space(uint32_t codepoint); /* str.isspace() */
bool unicode_is_digit(uint32_t codepoint); /* of the category Nd, in any script */

/** Normalization form C, in place. ERR_MEMORY. */
int unicode_nfc(struct codepoints *text);
/** Compatibility decomposition of a half- or full-width character (U+FF01 to U+FFEF); returns its length. */
size_t unicode_usual_width(uint32_t out[UNICODE_WIDTH_MAX], uint32_t codepoint);

uint32_t unicode_upper(uint32_t codepoint); /* the single code point, if there is one */
/** As str.lower(), with its final sigma and U+0130. ERR_MEMORY. */
int unicode_lower(struct codepoints *out, const struct codepoints *text);

enum unicode_class unicode_class(uint32_t codepoint);

#endif
