/** HTML5's named character references; scripts/make_html_entities.py writes their table. */
#ifndef PROMPT_SRC_TEXT_HTML_ENTITIES_H
#define PROMPT_SRC_TEXT_HTML_ENTITIES_H

#include <stdint.h>

enum { HTML_NAME_MAX = 32 }; /* length of the longest name, with its semicolon */

struct html_entity {
    const char *name; /* without '&'; with ';' if the reference needs it */
    uint32_t first;
    uint32_t second; /* 0 if the reference is one code point */
};

/** The entity of that name: *borrowed* from a constant table; NULL if there is none. */
const struct html_entity *html_entity_find(const char *name);

/** The code point that &#128; to &#159; are; other code points are themselves. */
uint32_t html_c1_replacement(uint32_t codepoint);

#endif
