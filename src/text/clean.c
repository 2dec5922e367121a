/*
 * CLIP's cleaning. Applies ftfy's fixed rules, but only detects mojibake instead of repairing it, since a
 * damaged class name should be corrected at its source.
 */
#include "clean.h"

#include <string.h>

#include "mojibake.h"
#include "prompt/base/json_write.h"
#include "prompt/base/str.h"
#include "prompt/text/html.h"
#include "steps.h"

static bool is_same(const struct codepoints *a, const struct codepoints *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->data, b->data, a->n * sizeof *a->data) == 0);
}

/* ---------------------------------------------------------------- ftfy.fix_text */

/* ftfy's state while it processes a text. */
struct fixing {
    bool unescapes_html; /* until the first '<': then the text is HTML, and its references are intended */
    bool finds_mojibake;
    bool found_mojibake;
};

/* Applies all steps to one line until nothing changes. */
static int fix_line(struct codepoints *line, struct fixing *f)
{
    struct codepoints before = {0};
    int status = OK;
    bool is_changed = true;
    while (status == OK && is_changed) {
        before.n = 0;
        status = unicode_append(&before, line->data, line->n);
        if (status == OK && f->unescapes_html)
            html_unescape_closed(line);
        if (status == OK && f->finds_mojibake)
            status = mojibake_repair(line, &f->found_mojibake);
        if (status == OK)
            status = steps_apply(line);
        is_changed = status == OK && !is_same(line, &before);
    }
    unicode_free(&before);
    return status;
}

static size_t line_length(const uint32_t *text, size_t n)
{
    size_t length = 0;
    while (length < n && text[length] != '\n')
        length++;
    return length + (length < n);
}

static bool has(const uint32_t *text, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] == c)
            return true;
    return false;
}

static int fix_text(struct codepoints *out, const struct codepoints *text, struct fixing *f)
{
    *out = (struct codepoints){0};
    int status = OK;
    for (size_t i = 0; status == OK && i < text->n;) {
        const size_t n = line_length(text->data + i, text->n - i);
        struct codepoints line = {0};
        f->unescapes_html = f->unescapes_html && !has(text->data + i, n, '<');
        if ((status = unicode_append(&line, text->data + i, n)) == OK && (status = fix_line(&line, f)) == OK)
            status = unicode_append(out, line.data, line.n);
        unicode_free(&line);
        i += n;
    }
    if (status != OK)
        unicode_free(out);
    return status;
}

/* ---------------------------------------------------------------- mojibake */

/* Appends the text in quotes, controls escaped. */
static void show(struct str *out, const struct codepoints *text)
{
    enum { SHOWN_MAX = 60 };
    struct str utf8 = {0};
    for (size_t i = 0; i < text->n && i < SHOWN_MAX; i++) {
        const uint32_t c = text->data[i];
        unsigned char bytes[UNICODE_MAX_BYTES];
        if (c == 0 || (c >= 0x7f && c <= 0x9f))
            str_appendf(&utf8, "<U+%04X>", (unsigned)c);
        else
            str_append_n(&utf8, (const char *)bytes, unicode_encode(bytes, c));
    }
    str_append(&utf8, text->n > SHOWN_MAX ? "..." : "");
    json_write_string(out, str_text(&utf8));
    str_free(&utf8);
}

static int mojibake_error(const struct codepoints *text, const struct codepoints *repaired)
{
    struct str found = {0}, meant = {0};
    show(&found, text);
    show(&meant, repaired);
    const int status =
        error_set(ERR_FORMAT,
                  "the text %s was decoded with a wrong encoding: CLIP's tokenizer (ftfy) reads it as "
                  "%s; write the intended text",
                  str_text(&found), str_text(&meant));
    str_free(&found);
    str_free(&meant);
    return status;
}

/* Sets `out` to ftfy's text; an error if its repair of mojibake would change it. */
static int fix_or_refuse(struct codepoints *out, const struct codepoints *text)
{
    struct fixing searching = {.unescapes_html = true, .finds_mojibake = true};
    int status = fix_text(out, text, &searching);
    if (status != OK || !searching.found_mojibake)
        return status;
    struct codepoints repaired = *out;
    struct fixing by_rule = {.unescapes_html = true};
    status = fix_text(out, text, &by_rule);
    if (status == OK && !is_same(out, &repaired))
        status = mojibake_error(text, &repaired);
    if (status != OK)
        unicode_free(out);
    unicode_free(&repaired);
    return status;
}

/* ---------------------------------------------------------------- texts */

/* Whether only the steps of white space and case can change the text, as for nearly all class names. */
static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f || *text == '&')
            return *text == '\0';
    return true;
}

static int collapse_and_lower(struct codepoints *out, struct codepoints *text)
{
    unicode_collapse_spaces(text);
    const int status = unicode_lower(out, text);
    unicode_free(text);
    return status;
}

int clean_text(struct codepoints *out, const char *text)
{
    *out = (struct codepoints){0};
    struct codepoints decoded;
    if (strlen(text) > CLEAN_MAX_BYTES)
        return error_set(ERR_FORMAT, "a text of %zu bytes, expected at most %d", strlen(text),
                         CLEAN_MAX_BYTES);
    int status = unicode_decode(&decoded, text);
    if (status != OK)
        return status;
    if (!is_plain(text)) {
        struct codepoints fixed;
        status = fix_or_refuse(&fixed, &decoded);
        unicode_free(&decoded);
        if (status != OK)
            return status;
        html_unescape(&fixed);
        html_unescape(&fixed); /* "&amp;amp;" is "&": captions from the web are often escaped twice */
        decoded = fixed;
    }
    return collapse_and_lower(out, &decoded);
}

int clean_plainly(struct codepoints *out, const char *text)
{
    *out = (struct codepoints){0};
    struct codepoints decoded;
    int status = unicode_decode(&decoded, text);
    if (status == OK && (status = unicode_nfc(&decoded)) != OK)
        unicode_free(&decoded);
    return status == OK ? collapse_and_lower(out, &decoded) : status;
}
