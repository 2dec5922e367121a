/* Reads templates from a file. */
#include <stdlib.h>
#include <string.h>

#include "prompt/base/lines.h"
#include "prompt/base/str.h"
#include "prompt/data/templates.h"

bool template_is_valid(const char *template)
{
    const char *hole = strstr(template, "{}");
    return hole && !strstr(hole + 2, "{}") && hole[2] != '}' && (hole == template || hole[-1] != '{');
}

/* ---------------------------------------------------------------- lines of source code */

/* The length of a placeholder other than {} at `at`: {0}, {c}, {class name}, %s; else 0. */
static size_t placeholder(const char *at)
{
    if (at[0] == '%' && at[1] == 's')
        return 2;
    const size_t n = at[0] == '{' ? strcspn(at + 1, "{}") : 0;
    return n > 0 && at[n + 1] == '}' ? n + 2 : 0;
}

/* Appends the text with {} in place of each placeholder. */
static void append_with_holes(struct str *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        const size_t length = placeholder(text + i);
        if (length > 0)
            str_append(out, "{}");
        else
            str_append_char(out, text[i]);
        i += length > 0 ? length : 1;
    }
}

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t");
}

/* The first {} or other placeholder; NULL if there is none. */
static const char *find_hole(const char *line)
{
    for (; *line; line++)
        if (str_starts_with(line, "{}") || placeholder(line) > 0)
            return line;
    return NULL;
}

/* Opening and closing quotes; curly ones have three bytes. */
static const struct {
    const char *open, *close;
} quotes[] = {{"\"", "\""}, {"'", "'"}, {"`", "`"}, {"\u201c", "\u201d"}, {"\u2018", "\u2019"}};

/* Whether the text before a quote is source code: nothing, a bracket, a comma, the word return, or one of
 * these and the letters of a Python string ("lambda c: f"). */
static bool is_code_before(const char *line, const char *quote)
{
    const char *at = quote;
    while (at > line && strchr("fFrRbBuU", at[-1]))
        at--;
    while (at > line && strchr(" \t", at[-1]))
        at--;
    return at == line || strchr("([{,:=", at[-1]) || (at - line >= 6 && strncmp(at - 6, "return", 6) == 0);
}

/* Whether only source code follows to the end of the line. */
static bool is_code_after(const char *at)
{
    return at[strspn(at, " \t,;])}")] == '\0';
}

/* The last occurrence of `close` in `text`, NULL if there is none. */
static const char *find_last(const char *text, const char *close)
{
    const char *last = NULL;
    for (const char *at = text; (at = strstr(at, close)); at++)
        last = at;
    return last;
}

/* Appends the quoted sentence around `hole` in source code or JSON; nothing for quotes around just the hole,
 * which are part of a sentence. */
static void append_quoted(struct str *out, const char *line, const char *hole)
{
    for (const char *at = hole; at-- > line && out->len == 0;)
        for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
            const size_t n = strlen(quotes[i].open);
            if (strncmp(at, quotes[i].open, n) != 0 || !is_code_before(line, at))
                continue;
            const char *close = find_last(hole, quotes[i].close);
            if (close && (is_code_after(close + strlen(quotes[i].close)) || (size_t)(close - at) > n + 2))
                append_with_holes(out, at + n, (size_t)(close - at) - n);
        }
}

/* The text after a list's mark, "- " or "1. "; NULL without one. */
static const char *after_list_mark(const char *line)
{
    const char *at = skip_space(line);
    const size_t n_digits = strspn(at, "0123456789");
    if (n_digits > 0 && (at[n_digits] == '.' || at[n_digits] == ')') && at[n_digits + 1] == ' ')
        return skip_space(at + n_digits + 1);
    return (at[0] == '-' || at[0] == '*') && at[1] == ' ' ? skip_space(at + 1) : NULL;
}

/* The line without quotes, commas and variable names; "" if it is not from a list in source code or JSON. */
static void unquote(struct str *out, const char *line)
{
    const char *hole = find_hole(line), *marked = after_list_mark(line);
    size_t n = strlen(line);
    while (n > 0 && strchr(" \t,])", line[n - 1]))
        n--;
    if (hole)
        append_quoted(out, line, hole);
    if (out->len == 0 && n > 0 && line[strlen(line) - 1] == ',')
        append_with_holes(out, line, n);
    else if (out->len == 0 && marked)
        append_with_holes(out, marked, strlen(marked));
}

static bool has_other_placeholder(const char *line)
{
    for (; *line; line++)
        if (placeholder(line) > 0)
            return true;
    return false;
}

/* Checks a line; the error says what it should be. */
static int check_line(const char *line, const char *path, size_t line_no)
{
    struct str meant = {0};
    unquote(&meant, line);
    if (meant.len == 0 && has_other_placeholder(line))
        append_with_holes(&meant, line, strlen(line));
    int status = OK;
    if (meant.len > 0 && template_is_valid(str_text(&meant)))
        status =
            error_set(ERR_FORMAT,
                      "'%s':%zu: expected the sentence alone, with {} for the class name: %s (found: %.200s)",
                      path, line_no, str_text(&meant), line);
    else if (!template_is_valid(line))
        status = error_set(ERR_FORMAT, "'%s':%zu: expected a sentence with one {}, found \"%.200s\"", path,
                           line_no, line);
    str_free(&meant);
    return status;
}

/* ---------------------------------------------------------------- the file */

/* Ends the line at `line` and returns the one after it, NULL after the last. */
static char *cut_line(char *line)
{
    char *end = strchr(line, '\n');
    char *next = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    const size_t n = strlen(line);
    if (n > 0 && line[n - 1] == '\r')
        line[n - 1] = '\0';
    return next;
}

static int split(struct templates *out, char *text, const char *path)
{
    size_t line_no = 1;
    for (char *line = text, *next = NULL; line; line = next, line_no++) {
        next = cut_line(line);
        if (*skip_space(line) == '\0')
            continue;
        int status = check_line(line, path, line_no);
        if (status != OK)
            return status;
        out->items[out->n++] = line;
    }
    return out->n > 0 ? OK : error_set(ERR_FORMAT, "'%s': expected templates, one a line, found none", path);
}

static int hash(struct templates *t)
{
    struct digest *d = NULL;
    int status = digest_open(&d);
    for (size_t i = 0; status == OK && i < t->n; i++) {
        digest_update(d, t->items[i], strlen(t->items[i]));
        digest_update(d, "\n", 1);
    }
    return status == OK ? digest_close(t->sha256, d) : status;
}

int templates_read(struct templates *out, const char *path)
{
    *out = (struct templates){0};
    size_t n_lines = 1;
    int status = lines_read_text(&out->text, path);
    if (status == OK) {
        for (const char *c = out->text; *c != '\0'; c++)
            n_lines += *c == '\n';
        out->items = calloc(n_lines, sizeof *out->items);
        const size_t mark = str_starts_with(out->text, "\xef\xbb\xbf") ? 3 : 0;
        status = out->items ? split(out, out->text + mark, path) : error_out_of_memory();
    }
    if (status == OK)
        status = hash(out);
    if (status != OK)
        templates_free(out);
    return status;
}

/* ---------------------------------------------------------------- ImageNet's seven */

int templates_imagenet_seven(struct templates *out)
{
    /* main_imagenet.py of Tip-Adapter */
    static const char *const seven[] = {"itap of a {}.",           "a bad photo of the {}.",
                                        "a origami {}.",           "a photo of the large {}.",
                                        "a {} in a video game.",   "art of the {}.",
                                        "a photo of the small {}."};
    *out = (struct templates){.items = malloc(sizeof seven), .n = sizeof seven / sizeof seven[0]};
    if (!out->items) {
        *out = (struct templates){0};
        return error_out_of_memory();
    }
    memcpy(out->items, seven, sizeof seven);
    return OK;
}

void templates_free(struct templates *t)
{
    free(t->text);
    free(t->items);
    *t = (struct templates){0};
}
