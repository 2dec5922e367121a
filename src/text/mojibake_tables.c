/* The tables of mojibake_tables.def, and the look-up of a code point's kinds. */
#include "mojibake_tables.h"

#include <stddef.h>

struct range {
    uint32_t first;
    uint32_t last;
    uint32_t kinds;
};

#define K(kind) MOJIBAKE_##kind

static const struct range ranges[] = {
#define RANGE(first, last, kinds) {first, last, kinds},
#include "mojibake_tables.def"
};

const struct mojibake_page mojibake_pages[MOJIBAKE_N_PAGES] = {
#define PAGE(is_sloppy, is_mac, ...) {is_sloppy, is_mac, {__VA_ARGS__}},
#include "mojibake_tables.def"
};

uint32_t mojibake_kinds(uint32_t codepoint)
{
    size_t low = 0;
    size_t high = sizeof ranges / sizeof ranges[0];
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const struct range *range = &ranges[middle];
        if (codepoint < range->first)
            high = middle;
        else if (codepoint > range->last)
            low = middle + 1;
        else
            return range->kinds;
    }
    return 0;
}
