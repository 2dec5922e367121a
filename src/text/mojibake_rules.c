/*
 * Sequences of code points that betray mojibake. Each rule is a short sequence of sets; a text is bad if any
 * rule matches anywhere in it. The rules are equal to ftfy 6.3.1's heuristic, which
 * tests/parity/test_tokenizer.py checks.
 */
#include <uchar.h>

#include "mojibake_rules.h"
#include "mojibake_tables.h"
#include "prompt/text/unicode.h"

/* Sets that are not in the tables. */
enum class {
    ANY_CASE_ASCII = 1, /* A-Z a-z */
    LOWER_ASCII = 2,
    SPACE = 4,
    WORD = 8,          /* a letter, a number or '_' */
    NO_ASCII = 16,     /* all but A-Z a-z */
    NO_LINE_BREAK = 32 /* all but U+000A */
};

struct set {
    uint32_t kinds;
    const char32_t *codepoints; /* NULL: none */
    uint32_t classes;
};

enum { RULE_MAX = 7 };

/* An empty set ends a rule. */
struct rule {
    struct set sets[RULE_MAX];
};

#define C1 MOJIBAKE_C1
#define BAD MOJIBAKE_BAD
#define LAW MOJIBAKE_LAW
#define MONEY MOJIBAKE_CURRENCY
#define START MOJIBAKE_START
#define END MOJIBAKE_END
#define NUMERIC MOJIBAKE_NUMERIC
#define UPPER MOJIBAKE_UPPER_ACCENTED
#define LOWER MOJIBAKE_LOWER_ACCENTED
#define BOX MOJIBAKE_BOX
#define ACCENTED (UPPER | LOWER)
#define COMMON_LETTER (MOJIBAKE_UPPER_COMMON | MOJIBAKE_LOWER_COMMON)
#define ODD (ACCENTED | BOX | START | END | MONEY | NUMERIC | LAW)
#define ARABIC MOJIBAKE_COMMON | MONEY | BAD | NUMERIC | START
#define SMALL C1 | BAD | START | END | MONEY

#define OF(...)                                                                                              \
    {                                                                                                        \
        .kinds = (__VA_ARGS__)                                                                               \
    }
#define IN(text)                                                                                             \
    {                                                                                                        \
        .codepoints = U##text                                                                                \
    }
#define CLASS(...)                                                                                           \
    {                                                                                                        \
        .classes = (__VA_ARGS__)                                                                             \
    }
#define OF_OR(set_kinds, text)                                                                               \
    {                                                                                                        \
        .kinds = set_kinds, .codepoints = U##text                                                            \
    }

/* clang-format off */
static const struct rule rules[] = {
    {{OF(C1)}},
    {{OF(BAD | ODD), OF(BAD)}},
    {{OF(BAD), OF(ODD)}},
    {{CLASS(ANY_CASE_ASCII), OF(COMMON_LETTER), OF(BAD)}},
    {{OF(LOWER | MOJIBAKE_LOWER_COMMON | BOX | END | MONEY | NUMERIC), OF(UPPER)}},
    {{OF(BOX | END | MONEY | NUMERIC), OF(LOWER)}},
    {{OF(LOWER | BOX | END), OF(MONEY)}},
    {{CLASS(SPACE), OF(UPPER), OF(MONEY)}},
    {{OF(UPPER | BOX), OF(NUMERIC | LAW)}},
    {{OF(ACCENTED | BOX | MONEY | END), OF(START), OF(NUMERIC)}},
    {{OF(ACCENTED | MONEY | NUMERIC | BOX | LAW), OF(END), OF(START)}},
    {{OF(MONEY | NUMERIC | BOX), OF(START)}},
    {{CLASS(LOWER_ASCII), OF(UPPER), OF(START | MONEY)}},
    {{OF(BOX), OF(MOJIBAKE_FACE | END)}},
    {{OF(ACCENTED | MONEY | NUMERIC | START | END | LAW), OF(BOX)}},
    {{OF(ACCENTED), OF(START | END), CLASS(WORD)}},
    {{IN("\u0152\u0153"), CLASS(NO_ASCII)}},
    {{OF(UPPER), IN("\u00b0")}},
    /* Latin capitals and the Windows-1252 characters of their second byte */
    {{IN("\u00c2\u00c3\u00ce\u00d0"),
      OF_OR(START | END, "\u20ac\u0153\u0160\u0161\u00a2\u00a3\u0178\u017e\u00a0\u00ad\u00ae\u00a9\u00b0\u00b7\u00bb"
                         "\u2013\u2014\u00b4")}},
    {{IN("\u00d7"), IN("\u00b2\u00b3")}},
    {{IN("\u00c3"), IN("\u00a0\u00a1")}},
    {{CLASS(LOWER_ASCII), IN("\u00c3\u00c2"), IN(" ")}},
    {{CLASS(LOWER_ASCII), CLASS(SPACE), IN("\u00c3\u00c2"), IN(" ")}},
    {{OF_OR(END, "abcdefghijklmnopqrstuvwxyz.,?!"), IN("\u00c2"), OF_OR(START | END, " ")}},
    /* Arabic, South Asian scripts */
    {{IN("\u00d8\u00d9"), OF_OR(ARABIC, "\u0178\u0160\u00ae\u00b0\u00b5\u00bb"),
      IN("\u00d8\u00d9"), OF_OR(ARABIC, "\u0178\u0160\u00ae\u00b0\u00b5\u00bb")}},
    {{IN("\u00e0"), IN("\u00b2\u00b5\u00b9\u00bc\u00bd\u00be")}},
    /* MacRoman */
    {{IN("\u221a"), IN("\u00b1\u2202\u2020\u2260\u00ae\u2122\u00b4\u2264\u2265\u00a5\u00b5\u00f8")}},
    {{IN("\u2248"), IN("\u00b0\u00a2")}},
    {{IN("\u201a"), IN("\u00c4"), IN("\u00ec\u00ee\u00ef\u00f2\u00f4\u00fa\u00f9\u00fb\u2020\u00b0\u00a2\u03c0")}},
    {{IN("\u201a"), IN("\u00e2\u00f3"), IN("\u00e0\u00e4\u00b0\u00ea")}},
    /* Windows-1251, 1253, 1257 */
    {{IN("\u0432"), IN("\u0402")}},
    {{IN("\u0412\u0413\u0420\u0421"), OF_OR(SMALL, "\u00b0\u00b5"), IN("\u0412\u0413\u0420\u0421")}},
    {{IN("\u0413"), IN("\u045e"), IN("\u0412"), IN("\u0402"), IN("\u0412"), CLASS(NO_LINE_BREAK),
      {.codepoints = U" ", .classes = ANY_CASE_ASCII}}},
    {{IN("\u03b2"), IN("\u20ac"), IN("\u2122\u00a0\u0386\u00ad\u00ae\u00b0")}},
    {{IN("\u0392\u0393\u039e\u039f"), OF_OR(SMALL, "\u00b0"), IN("\u0392\u0393\u039e\u039f")}},
    {{IN("\u0101"), IN("\u20ac")}},
};
/* clang-format on */

/* ---------------------------------------------------------------- matching */

static uint32_t classes_of(uint32_t c)
{
    const bool is_lower = c >= 'a' && c <= 'z';
    const bool is_ascii_letter = is_lower || (c >= 'A' && c <= 'Z');
    const enum unicode_class class = unicode_class(c);
    const bool is_word = class == UNICODE_LETTER || class == UNICODE_NUMBER || c == '_';
    return (is_ascii_letter ? ANY_CASE_ASCII : NO_ASCII) | (is_lower ? LOWER_ASCII : 0U) |
           (unicode_is_space(c) ? SPACE : 0U) | (is_word ? WORD : 0U) | (c != '\n' ? NO_LINE_BREAK : 0U);
}

static bool is_empty(const struct set *set)
{
    return !set->kinds && !set->codepoints && !set->classes;
}

static bool is_in(const struct set *set, uint32_t c)
{
    for (const char32_t *other = set->codepoints; other && *other; other++)
        if (*other == c)
            return true;
    return (set->kinds && (mojibake_kinds(c) & set->kinds)) ||
           (set->classes && (classes_of(c) & set->classes));
}

static bool matches(const struct rule *rule, const uint32_t *text, size_t n)
{
    for (size_t i = 0; i < RULE_MAX && !is_empty(&rule->sets[i]); i++)
        if (i == n || !is_in(&rule->sets[i], text[i]))
            return false;
    return true;
}

static bool is_ascii(const uint32_t *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] >= 0x80)
            return false;
    return true;
}

bool mojibake_is_bad(const uint32_t *text, size_t n)
{
    if (is_ascii(text, n)) /* every rule needs a character beyond ASCII */
        return false;
    /* at the very beginning a single capital is enough */
    if (n >= 2 && (text[0] == 0xc2 || text[0] == 0xc3) && text[1] == ' ')
        return true;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < sizeof rules / sizeof rules[0]; j++)
            if (matches(&rules[j], text + i, n - i))
                return true;
    return false;
}
