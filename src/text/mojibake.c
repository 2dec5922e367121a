/*
 * ftfy's repair of mojibake. Tries a bad text as bytes of ten code pages: the first whose bytes are UTF-8
 * gives the intended text. Otherwise repairs single pieces that look like UTF-8; otherwise replaces control
 * characters by those of Windows-1252.
 */
#include "mojibake.h"
#include "mojibake_rules.h"

#include <string.h>

#include "mojibake_bytes.h"
#include "mojibake_tables.h"
#include "prompt/base/str.h"

enum { LOST_BYTE = 0x1a, REPLACEMENT = 0xfffd, DEPTH_MAX = 16 };

static int repair(struct codepoints *text, bool *is_changed, int depth);

static bool is_same(const struct codepoints *a, const struct codepoints *b)
{
    return a->n == b->n && memcmp(a->data, b->data, a->n * sizeof *a->data) == 0;
}

/* Replaces `text` by `fixed`; takes ownership of it. */
static void take(struct codepoints *text, bool *is_changed, struct codepoints *fixed)
{
    *is_changed = !is_same(text, fixed);
    unicode_free(text);
    *text = *fixed;
    *fixed = (struct codepoints){0};
}

/* ---------------------------------------------------------------- code pages */

/* The byte of a code point, -1 if the page has none; NULL is Latin-1. */
static int byte_of(const struct mojibake_page *page, uint32_t c)
{
    if (!page)
        return c <= 0xff ? (int)c : -1;
    if (page->is_sloppy && (c == REPLACEMENT || c == LOST_BYTE))
        return c == REPLACEMENT ? LOST_BYTE : -1;
    if (c < 0x80)
        return (int)c;
    for (int i = 0; i < 128; i++)
        if (page->upper[i] == c)
            return 0x80 + i;
    return -1;
}

/* False if the page lacks a code point. */
static bool encode(struct str *out, const struct codepoints *text, const struct mojibake_page *page)
{
    str_clear(out);
    for (size_t i = 0; i < text->n; i++) {
        const int byte = byte_of(page, text->data[i]);
        if (byte < 0)
            return false;
        str_append_char(out, (char)byte);
    }
    return true;
}

/* Reads the text as bytes of `page`, and these as UTF-8; sets `*is_done` if they are. */
static int try_page(struct codepoints *text, bool *is_done, bool *is_changed,
                    const struct mojibake_page *page)
{
    struct str bytes = {0};
    struct codepoints fixed = {0};
    int status = OK;
    if (encode(&bytes, text, page)) {
        status = str_status(&bytes);
        if (status == OK && (!page || !page->is_mac)) /* in MacRoman it looks like an en dash and a space */
            status = bytes_restore_spaces(&bytes);
        if (status == OK && page && page->is_sloppy)
            status = bytes_replace_lost(&bytes);
        if (status == OK)
            status = bytes_decode(&fixed, is_done, &bytes);
    }
    if (status == OK && *is_done)
        take(text, is_changed, &fixed);
    unicode_free(&fixed);
    str_free(&bytes);
    return status;
}

/* ---------------------------------------------------------------- pieces */

/* The length of a possible UTF-8 sequence in the code points at `text`; 0 if there is none. */
static size_t sequence_length(const uint32_t *text, size_t n)
{
    const uint32_t kinds = mojibake_kinds(text[0]);
    const size_t length = kinds & MOJIBAKE_FIRST_OF_2   ? 2
                          : kinds & MOJIBAKE_FIRST_OF_3 ? 3
                          : kinds & MOJIBAKE_FIRST_OF_4 ? 4
                                                        : 0;
    for (size_t i = 1; i < length; i++)
        if (i == n || !(mojibake_kinds(text[i]) & MOJIBAKE_CONTINUATION))
            return 0;
    return length;
}

/* The length of the run of such sequences at `i`; no byte of another sequence may precede it. */
static size_t run_length(const struct codepoints *text, size_t i)
{
    if (i > 0 && (mojibake_kinds(text->data[i - 1]) & MOJIBAKE_CONTINUATION_STRICT))
        return 0;
    size_t end = i;
    size_t n = 0;
    while (end < text->n && (n = sequence_length(text->data + end, text->n - end)) > 0)
        end += n;
    return end - i;
}

static int append_repaired(struct codepoints *out, const uint32_t *piece, size_t n, int depth)
{
    struct codepoints copy = {0};
    bool is_changed = false;
    int status = OK;
    if ((status = unicode_append(&copy, piece, n)) == OK &&
        (status = repair(&copy, &is_changed, depth + 1)) == OK)
        status = unicode_append(out, copy.data, copy.n);
    unicode_free(&copy);
    return status;
}

/* Repairs the pieces of a text with mixed encodings. */
static int repair_pieces(struct codepoints *text, bool *is_changed, int depth)
{
    struct codepoints fixed = {0};
    int status = OK;
    for (size_t i = 0; status == OK && i < text->n;) {
        const size_t n = run_length(text, i);
        const bool is_piece = n > 0 && n < text->n && mojibake_is_bad(text->data + i, n) && depth < DEPTH_MAX;
        status = is_piece ? append_repaired(&fixed, text->data + i, n, depth)
                          : unicode_append(&fixed, text->data + i, n > 0 ? n : 1);
        i += n > 0 ? n : 1;
    }
    if (status == OK)
        take(text, is_changed, &fixed);
    unicode_free(&fixed);
    return status;
}

uint32_t mojibake_c1(uint32_t c)
{
    return c >= 0x80 && c <= 0x9f ? mojibake_pages[MOJIBAKE_PAGE_1252].upper[c - 0x80] : c;
}

static void repair_controls(struct codepoints *text, bool *is_changed)
{
    for (size_t i = 0; i < text->n; i++) {
        const uint32_t c = mojibake_c1(text->data[i]);
        *is_changed |= c != text->data[i];
        text->data[i] = c;
    }
}

/* ---------------------------------------------------------------- text */

static int repair_once(struct codepoints *text, bool *is_changed, int depth)
{
    *is_changed = false;
    if (!mojibake_is_bad(text->data, text->n))
        return OK;
    bool is_done = false;
    int status = OK;
    for (int i = -1; status == OK && !is_done && i < MOJIBAKE_N_PAGES; i++)
        status = try_page(text, &is_done, is_changed, i < 0 ? NULL : &mojibake_pages[i]);
    if (status == OK && !is_done)
        status = repair_pieces(text, is_changed, depth);
    if (status == OK && !is_done && !*is_changed)
        repair_controls(text, is_changed);
    return status;
}

static int repair(struct codepoints *text, bool *is_changed, int depth)
{
    bool is_changed_now = true;
    int status = OK;
    while (status == OK && is_changed_now) {
        status = repair_once(text, &is_changed_now, depth);
        *is_changed |= is_changed_now;
    }
    return status;
}

int mojibake_repair(struct codepoints *text, bool *is_changed)
{
    return repair(text, is_changed, 0);
}
