/** The cleaning of a text before it is split into pieces. */
#ifndef PROMPT_SRC_TEXT_CLEAN_H
#define PROMPT_SRC_TEXT_CLEAN_H

#include "prompt/text/unicode.h"

enum { CLEAN_MAX_BYTES = 1 << 16 }; /* references inside references take time by the square of the length */

/**
 * CLIP's cleaning, as open_clip's SimpleTokenizer with ftfy 6.3.1: ftfy.fix_text, html.unescape twice, white
 * space collapsed, lower case.
 * @return OK; ERR_FORMAT if the text is no UTF-8 or too long, or if ftfy's search for a wrong encoding would
 * change it: the message shows what to; ERR_MEMORY
 */
int clean_text(struct codepoints *out, const char *text);

/** What the CLIPTokenizer of transformers does: normalization form C, white space collapsed, lower case. */
int clean_plainly(struct codepoints *out, const char *text);

#endif
