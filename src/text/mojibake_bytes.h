/** Bytes that may be UTF-8, with what programs did to them; of mojibake.c. */
#ifndef PROMPT_SRC_TEXT_MOJIBAKE_BYTES_H
#define PROMPT_SRC_TEXT_MOJIBAKE_BYTES_H

#include <stdbool.h>

#include "prompt/base/str.h"
#include "prompt/text/unicode.h"

/** Makes 0xA0 of spaces that stand in its place in a sequence of UTF-8. ERR_MEMORY. */
int bytes_restore_spaces(struct str *bytes);
/** Makes U+FFFD of sequences whose bytes were lost: 0x1A, or one '?'. ERR_MEMORY. */
int bytes_replace_lost(struct str *bytes);
/** Decodes UTF-8, CESU-8 (pairs of surrogates) and Java's NUL; `*is_valid` says whether it is that.
 * ERR_MEMORY. */
int bytes_decode(struct codepoints *out, bool *is_valid, const struct str *bytes);

#endif
