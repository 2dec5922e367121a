/** The steps of ftfy that need no guess; each changes a text as the step of its name does in ftfy 6.3.1. */
#ifndef PROMPT_SRC_TEXT_STEPS_H
#define PROMPT_SRC_TEXT_STEPS_H

#include "prompt/text/unicode.h"

enum { LETTERS_MAX = 3 };

/** The letters of a Latin ligature or digraph; the code point itself if it is none. Returns how many. */
size_t letters_of_ligature(uint32_t out[LETTERS_MAX], uint32_t codepoint);

/**
 * C1 controls as in Windows-1252, ligatures, character width, straight quotes, line breaks as "\n"; terminal
 * escapes and control characters removed; normalization form C. ERR_MEMORY.
 */
int steps_apply(struct codepoints *text);

#endif
