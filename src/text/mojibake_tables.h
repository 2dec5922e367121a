/** Kinds of code points, and code pages; scripts/make_mojibake_tables.py writes the tables. */
#ifndef PROMPT_SRC_TEXT_MOJIBAKE_TABLES_H
#define PROMPT_SRC_TEXT_MOJIBAKE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

/* Kinds of code points; one may be of several. */
enum mojibake_kind {
    MOJIBAKE_C1 = 1 << 0,  /* U+0080 to U+009F */
    MOJIBAKE_BAD = 1 << 1, /* rare outside mojibake */
    MOJIBAKE_LAW = 1 << 2,
    MOJIBAKE_CURRENCY = 1 << 3,
    MOJIBAKE_START = 1 << 4, /* punctuation before a word */
    MOJIBAKE_END = 1 << 5,   /* punctuation after a word */
    MOJIBAKE_NUMERIC = 1 << 6,
    MOJIBAKE_FACE = 1 << 7, /* letters of faces drawn with letters */
    MOJIBAKE_UPPER_ACCENTED = 1 << 8,
    MOJIBAKE_LOWER_ACCENTED = 1 << 9,
    MOJIBAKE_UPPER_COMMON = 1 << 10,
    MOJIBAKE_LOWER_COMMON = 1 << 11,
    MOJIBAKE_BOX = 1 << 12,
    MOJIBAKE_COMMON = 1 << 13,
    /* by the position in UTF-8 of the byte that a code page reads as this code point */
    MOJIBAKE_FIRST_OF_2 = 1 << 14,
    MOJIBAKE_FIRST_OF_3 = 1 << 15,
    MOJIBAKE_FIRST_OF_4 = 1 << 16,
    MOJIBAKE_CONTINUATION = 1 << 17,
    MOJIBAKE_CONTINUATION_STRICT = 1 << 18, /* and no space, dash or quotation mark */
};

/** The kinds of a code point (enum mojibake_kind); 0 if it has none. */
uint32_t mojibake_kinds(uint32_t codepoint);

/* A code page whose lower half is ASCII. Latin-1 is not in the table: it maps each byte to itself. */
struct mojibake_page {
    bool is_sloppy; /* unassigned bytes are Latin-1's, and 0x1A is U+FFFD, a byte that was lost */
    bool is_mac;
    uint16_t upper[128]; /* the code points of 0x80 to 0xFF */
};

enum { MOJIBAKE_N_PAGES = 9, MOJIBAKE_PAGE_1252 = 0 };
extern const struct mojibake_page mojibake_pages[MOJIBAKE_N_PAGES]; /* in the order of ftfy's attempts */

#endif
