/** HTML5's named character references; the table is written by scripts/make_html_entities.py. */
#ifndef PROMPT_SRC_TEXT_HTML_ENTITIES_H
#define PROMPT_SRC_TEXT_HTML_ENTITIES_H

#include <stddef.h>
#include <stdint.h>

enum { HTML_NAME_MAX = 32 }; /* longest name, its semicolon counted */

struct html_entity {
    const char *name; /* without '&'; with ';' where the reference needs it */
    uint32_t first;
    uint32_t second; /* 0 where the reference stands for one code point */
};

extern const struct html_entity html_entities[]; /* in strcmp() order of their names */
extern const size_t n_html_entities;

enum { HTML_C1_FIRST = 0x80, HTML_N_C1 = 32 };
extern const uint32_t html_c1_replacements[HTML_N_C1]; /* what &#128; to &#159; stand for */

#endif
