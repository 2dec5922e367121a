/** Cleans a text before it is split into pieces. */
#ifndef PROMPT_SRC_TEXT_CLEAN_H
#define PROMPT_SRC_TEXT_CLEAN_H

#include "prompt/text/unicode.h"

enum { CLEAN_MAX_BYTES = 1 << 16 }; /* nested references take quadratic time */

/**
 * CLIP's cleaning, like open_clip's SimpleTokenizer with ftfy 6.3.1: ftfy.fix_text, html.unescape twice,
 * white space collapsed, lower case.
 * @return OK; ERR_FORMAT if the text is not UTF-8 or is too long, or if ftfy would repair its encoding (the
 * message shows the repaired text); ERR_MEMORY
 */
int clean_text(struct codepoints *out, const char *text);

/** The cleaning of transformers' CLIPTokenizer: normalization form C, white space collapsed, lower case. */
int clean_plainly(struct codepoints *out, const char *text);

#endif
