/**
 * What the tokenizer needs of Unicode: decoding, white space as Python's str.split() sees it, lower case as
 * str.lower(), and the character classes of the tokenizer's pattern. Categories come from utf8proc.
 */
#ifndef PROMPT_CLIP_UNICODE_H
#define PROMPT_CLIP_UNICODE_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/** A text as code points on the heap; `{0}` is empty. */
struct codepoints {
    uint32_t *data;
    size_t n;
};

/** Classes of the pattern `[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`; what is UNICODE_SKIPPED matches no part of it.
 */
enum unicode_class { UNICODE_SKIPPED, UNICODE_LETTER, UNICODE_NUMBER, UNICODE_OTHER };

enum { UNICODE_MAX_BYTES = 4 }; /* of one code point in UTF-8 */

/** Decodes UTF-8. ERR_FORMAT with the offset of the first byte that is none; ERR_MEMORY. */
int unicode_decode(struct codepoints *out, const char *text);
void unicode_free(struct codepoints *text);

/** Writes a valid code point as UTF-8 and returns the number of bytes; no NUL is added. */
size_t unicode_encode(unsigned char out[UNICODE_MAX_BYTES], uint32_t codepoint);

/** In place, as " ".join(text.split()): runs of white space become one space, none at the ends. */
void unicode_collapse_spaces(struct codepoints *text);

/** As str.lower(), with its final sigma and U+0130. ERR_MEMORY. */
int unicode_lower(struct codepoints *out, const struct codepoints *text);

enum unicode_class unicode_class(uint32_t codepoint);

#endif
