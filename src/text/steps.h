/** The steps of ftfy that need no guess; each does the same as the step of that name in ftfy 6.3.1. */
#ifndef PROMPT_SRC_TEXT_STEPS_H
#define PROMPT_SRC_TEXT_STEPS_H

#include "prompt/text/unicode.h"

enum { LETTERS_MAX = 3 };

/** The letters of a Latin ligature or digraph; else the code point itself. Returns their number. */
size_t letters_of_ligature(uint32_t out[LETTERS_MAX], uint32_t codepoint);

/**
 * Replaces C1 controls (as in Windows-1252), ligatures, character widths, curly quotes and line breaks;
 * removes terminal escapes and control characters; normalizes to form C. ERR_MEMORY.
 */
int steps_apply(struct codepoints *text);

#endif
