/* A CSV file of image,caption. */
#include "prompt/data/pairs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/str.h"

/* Where the reader stands; rows may span lines, inside quotes. */
struct reader {
    const char *name;
    const char *at, *end;
    size_t line;
    struct str fields[2];
};

static int row_error(const struct reader *r, size_t line, const char *what)
{
    return error_set(ERR_FORMAT, "%s:%zu: %s", r->name, line, what);
}

/* ---------------------------------------------------------------- fields */

/* Behind the opening quote; ends behind the closing one. */
static int read_quoted(struct str *out, struct reader *r)
{
    const size_t first_line = r->line;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '"' && (r->at + 1 == r->end || r->at[1] != '"')) {
            r->at++;
            return OK;
        }
        r->at += *r->at == '"'; /* two quotes are one */
        r->line += *r->at == '\n';
        str_append_char(out, *r->at);
    }
    return row_error(r, first_line, "a quote is not closed");
}

/* The end of the file, "\n" or "\r\n". */
static bool at_row_end(const struct reader *r)
{
    return r->at == r->end || *r->at == '\n' || (*r->at == '\r' && (r->at + 1 == r->end || r->at[1] == '\n'));
}

static int read_field(struct str *out, struct reader *r)
{
    str_clear(out);
    if (r->at < r->end && *r->at == '"') {
        r->at++;
        int status = read_quoted(out, r);
        if (status == OK && !at_row_end(r) && *r->at != ',')
            status = row_error(r, r->line, "expected a comma or the end of the line behind a quoted field");
        return status;
    }
    while (!at_row_end(r) && *r->at != ',')
        str_append_char(out, *r->at++);
    return str_status(out);
}

/* The next row's two fields; the reader then stands at the start of a line. */
static int read_row(struct reader *r)
{
    const size_t line = r->line;
    int status = read_field(&r->fields[0], r);
    if (status == OK && (r->at == r->end || *r->at != ','))
        status = row_error(r, line, "expected two fields, image,caption, found one");
    if (status == OK) {
        r->at++;
        status = read_field(&r->fields[1], r);
    }
    if (status == OK && !at_row_end(r))
        status = row_error(
            r, line, "expected two fields, image,caption, found more (a caption with a comma needs quotes)");
    if (status == OK && r->at < r->end) {
        r->at += *r->at == '\r' && r->at + 1 < r->end ? 2 : 1;
        r->line++;
    }
    return status;
}

/* ---------------------------------------------------------------- rows */

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static int add_pair(struct pair_list *list, const char *folder, const struct reader *r, size_t line)
{
    if (list->n == list->capacity) {
        const size_t capacity = list->capacity ? 2 * list->capacity : 256;
        struct pair *items = realloc(list->items, capacity * sizeof *items);
        if (!items)
            return error_out_of_memory();
        list->items = items;
        list->capacity = capacity;
    }
    struct pair *p = &list->items[list->n++];
    *p = (struct pair){.path = path_join(folder, str_text(&r->fields[0])),
                       .caption = str_dup(str_text(&r->fields[1])),
                       .line = line};
    if (!p->path || !p->caption)
        return ERR_MEMORY;
    if (!file_exists(p->path) || file_is_dir(p->path))
        return error_set(ERR_FORMAT, "%s:%zu: no image '%s'", r->name, line, p->path);
    return OK;
}

static int read_rows(struct pair_list *list, const char *folder, struct reader *r)
{
    int status = read_row(r);
    if (status == OK &&
        (strcmp(str_text(&r->fields[0]), "image") != 0 || strcmp(str_text(&r->fields[1]), "caption") != 0))
        status = row_error(r, 1, "expected the header image,caption");
    while (status == OK && r->at < r->end) {
        const size_t line = r->line;
        status = read_row(r);
        if (status == OK && is_blank(str_text(&r->fields[0])))
            status = row_error(r, line, "the image's path is empty");
        if (status == OK && is_blank(str_text(&r->fields[1])))
            status = row_error(r, line, "the caption is empty");
        if (status == OK)
            status = add_pair(list, folder, r, line);
    }
    if (status == OK && list->n == 0)
        status = error_set(ERR_FORMAT, "%s: expected rows behind the header, found none", r->name);
    return status;
}

int pairs_read(struct pair_list *out, const char *path)
{
    *out = (struct pair_list){0};
    char *text = NULL, *absolute = path_absolute(path), *folder = absolute ? path_dir(absolute) : NULL;
    size_t n = 0;
    int status = folder ? file_read(&text, &n, absolute) : ERR_MEMORY;
    struct reader r = {.name = absolute, .at = text, .end = text ? text + n : NULL, .line = 1};
    if (status == OK && memchr(text, '\0', n))
        status = error_set(ERR_FORMAT, "%s: expected text, found a NUL byte", absolute);
    if (status == OK)
        status = read_rows(out, folder, &r);
    for (int i = 0; i < 2; i++)
        str_free(&r.fields[i]);
    free(text);
    free(folder);
    free(absolute);
    if (status != OK)
        pairs_free(out);
    return status;
}

void pairs_free(struct pair_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->items[i].path);
        free(list->items[i].caption);
    }
    free(list->items);
    *list = (struct pair_list){0};
}

int pairs_digest(char hex[DIGEST_HEX_SIZE], const struct pair_list *list)
{
    struct str text = {0};
    for (size_t i = 0; i < list->n; i++)
        str_appendf(&text, "%s\t%s\n", list->items[i].path, list->items[i].caption);
    int status = str_status(&text);
    if (status == OK)
        status = digest_memory(hex, str_text(&text), text.len);
    str_free(&text);
    return status;
}
