/* Writing HTML. */
#ifndef PROMPT_SRC_PAGE_HTML_H
#define PROMPT_SRC_PAGE_HTML_H

#include "prompt/base/str.h"

/* Appends text for an element or a quoted attribute; a byte that is not UTF-8 becomes \xe9, as in csv_write_text. */
void html_text(struct str *out, const char *text);
/* Appends <tag>text</tag>; `tag` may have attributes. */
void html_element(struct str *out, const char *tag, const char *text);
/* Appends " name=\"text\"". */
void html_attribute(struct str *out, const char *name, const char *text);
/* Appends base64. */
void html_base64(struct str *out, const unsigned char *bytes, size_t n);
/* Appends "75.00", or a dash for NaN. */
void html_percent(struct str *out, double percent);

#endif
