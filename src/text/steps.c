/*
 * ftfy's deterministic steps in ftfy's order. Steps on single code points share one pass: no step produces
 * input for an earlier one. Surrogates cannot occur in UTF-8.
 */
#include "steps.h"

#include "mojibake.h"

/* ---------------------------------------------------------------- one code point */

size_t letters_of_ligature(uint32_t out[LETTERS_MAX], uint32_t c)
{
    static const struct {
        uint16_t from;
        uint16_t to[LETTERS_MAX];
    } ligatures[] = {
        {0x132, {'I', 'J'}},    {0x133, {'i', 'j'}},   {0x149, {0x2bc, 'n'}},     {0x1c4, {'D', 0x17d}},
        {0x1c5, {'D', 0x17e}},  {0x1c6, {'d', 0x17e}}, {0x1c7, {'L', 'J'}},       {0x1c8, {'L', 'j'}},
        {0x1c9, {'l', 'j'}},    {0x1ca, {'N', 'J'}},   {0x1cb, {'N', 'j'}},       {0x1cc, {'n', 'j'}},
        {0x1f1, {'D', 'Z'}},    {0x1f2, {'D', 'z'}},   {0x1f3, {'d', 'z'}},       {0xfb00, {'f', 'f'}},
        {0xfb01, {'f', 'i'}},   {0xfb02, {'f', 'l'}},  {0xfb03, {'f', 'f', 'i'}}, {0xfb04, {'f', 'f', 'l'}},
        {0xfb05, {0x17f, 't'}}, {0xfb06, {'s', 't'}},
    };
    out[0] = c;
    for (size_t i = 0; c >= 0x132 && i < sizeof ligatures / sizeof ligatures[0]; i++) {
        if (ligatures[i].from != c)
            continue;
        size_t n = 0;
        for (; n < LETTERS_MAX && ligatures[i].to[n]; n++)
            out[n] = ligatures[i].to[n];
        return n;
    }
    return 1;
}

static uint32_t straight_quote(uint32_t c)
{
    if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b))
        return '\'';
    return c >= 0x201c && c <= 0x201f ? '"' : c;
}

static uint32_t line_break(uint32_t c)
{
    return c == '\r' || c == 0x2028 || c == 0x2029 || c == 0x85 ? '\n' : c;
}

static int append_usual(struct codepoints *out, uint32_t c)
{
    enum { IDEOGRAPHIC_SPACE = 0x3000, WIDTHS_FIRST = 0xff01, WIDTHS_LAST = 0xffef };
    uint32_t usual[UNICODE_WIDTH_MAX] = {c};
    size_t n = 1;
    if (c == IDEOGRAPHIC_SPACE)
        usual[0] = ' ';
    else if (c >= WIDTHS_FIRST && c <= WIDTHS_LAST)
        n = unicode_usual_width(usual, c);
    for (size_t i = 0; i < n; i++)
        usual[i] = line_break(straight_quote(usual[i]));
    return unicode_append(out, usual, n);
}

static int replace_codepoints(struct codepoints *text)
{
    struct codepoints out = {0};
    int status = OK;
    for (size_t i = 0; status == OK && i < text->n; i++) {
        uint32_t letters[LETTERS_MAX];
        const size_t n = letters_of_ligature(letters, mojibake_c1(text->data[i]));
        const bool is_half = text->data[i] == '\r' && i + 1 < text->n && text->data[i + 1] == '\n';
        for (size_t j = 0; status == OK && !is_half && j < n; j++)
            status = append_usual(&out, letters[j]);
    }
    unicode_free(text);
    *text = out;
    return status;
}

/* ---------------------------------------------------------------- removed */

/* The length of a terminal's escape sequence, ESC [ digits and ';' and a letter; 0 if there is none. */
static size_t escape_length(const uint32_t *text, size_t n)
{
    enum { ESCAPE = 0x1b };
    if (n < 3 || text[0] != ESCAPE || text[1] != '[')
        return 0;
    size_t i = 2;
    while (i < n && (text[i] == ';' || unicode_is_digit(text[i])))
        i++;
    const bool ends = i < n && ((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z'));
    return ends ? i + 1 : 0;
}

static bool is_control(uint32_t c)
{
    return c < 0x09 || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f || (c >= 0x206a && c <= 0x206f) ||
           c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

static void remove_controls(struct codepoints *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->n;) {
        const size_t length = escape_length(text->data + i, text->n - i);
        if (length == 0 && !is_control(text->data[i]))
            text->data[n++] = text->data[i];
        i += length > 0 ? length : 1;
    }
    text->n = n;
}

int steps_apply(struct codepoints *text)
{
    const int status = replace_codepoints(text);
    if (status != OK)
        return status;
    remove_controls(text);
    return unicode_nfc(text);
}
