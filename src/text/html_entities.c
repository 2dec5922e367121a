/* Look-ups in the tables of html_entities.def. */
#include "html_entities.h"

#include <stdlib.h>
#include <string.h>

static const struct html_entity entities[] = {
#define ENTITY(name, first, second) {name, first, second},
#include "html_entities.def"
};

enum { C1_FIRST = 0x80, N_C1 = 32 };

static const uint32_t c1_replacements[N_C1] = {
#define C1(code, codepoint) [(code)-C1_FIRST] = (codepoint),
#include "html_entities.def"
};

static int compare_name(const void *name, const void *entity)
{
    return strcmp(name, ((const struct html_entity *)entity)->name);
}

const struct html_entity *html_entity_find(const char *name)
{
    return bsearch(name, entities, sizeof entities / sizeof entities[0], sizeof entities[0], compare_name);
}

uint32_t html_c1_replacement(uint32_t codepoint)
{
    return codepoint >= C1_FIRST && codepoint < C1_FIRST + N_C1 ? c1_replacements[codepoint - C1_FIRST]
                                                                : codepoint;
}
