/** Repairs bytes that were UTF-8 before programs damaged them; for mojibake.c. */
#ifndef PROMPT_SRC_TEXT_MOJIBAKE_BYTES_H
#define PROMPT_SRC_TEXT_MOJIBAKE_BYTES_H

#include <stdbool.h>

#include "prompt/base/str.h"
#include "prompt/text/unicode.h"

/** Replaces spaces by 0xA0 where a UTF-8 sequence needs it. ERR_MEMORY. */
int bytes_restore_spaces(struct str *bytes);
/** Replaces sequences with lost bytes (0x1A, or one '?') by U+FFFD. ERR_MEMORY. */
int bytes_replace_lost(struct str *bytes);
/** Decodes UTF-8, CESU-8 (pairs of surrogates) and Java's NUL; `*is_valid`: false for others. ERR_MEMORY. */
int bytes_decode(struct codepoints *out, bool *is_valid, const struct str *bytes);

#endif
