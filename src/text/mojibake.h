/**
 * Mojibake: UTF-8 text that a program decoded with another encoding. Finds and repairs it like ftfy 6.3.1
 * (step fix_encoding with default settings).
 */
#ifndef PROMPT_SRC_TEXT_MOJIBAKE_H
#define PROMPT_SRC_TEXT_MOJIBAKE_H

#include <stdbool.h>

#include "prompt/text/unicode.h"

/** Repairs `text` until nothing more is found; sets `*is_changed` if it repaired anything. ERR_MEMORY. */
int mojibake_repair(struct codepoints *text, bool *is_changed);

/** The Windows-1252 character of a control code point U+0080 to U+009F; else the code point itself. */
uint32_t mojibake_c1(uint32_t codepoint);

#endif
