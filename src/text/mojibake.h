/**
 * Mojibake: text in UTF-8 that some program read by another encoding, as ftfy 6.3.1 finds and repairs it
 * (its step fix_encoding with the default settings).
 */
#ifndef PROMPT_SRC_TEXT_MOJIBAKE_H
#define PROMPT_SRC_TEXT_MOJIBAKE_H

#include <stdbool.h>

#include "prompt/text/unicode.h"

/** Repairs `text`, until nothing more is found; `*is_changed` becomes true if something was. ERR_MEMORY. */
int mojibake_repair(struct codepoints *text, bool *is_changed);

/** What a control code point U+0080 to U+009F is in Windows-1252; itself where that has none. */
uint32_t mojibake_c1(uint32_t codepoint);

#endif
