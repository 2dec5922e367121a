/* A CSV file of image,caption. */
#include "prompt/data/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/lines.h"
#include "prompt/base/str.h"

struct row {
    const char *image, *caption;
};

static int parse_row(struct row *out, char *line)
{
    char *at = line;
    out->image = lines_field(&at, ',');
    out->caption = out->image && at ? lines_field(&at, ',') : NULL;
    if (!out->caption || at)
        return error_set(ERR_FORMAT,
                         "expected image,caption (a caption with a comma stands in double quotes)");
    if (out->image[0] == '\0')
        return error_set(ERR_FORMAT, "the image's path is empty");
    if (out->caption[strspn(out->caption, " \t")] == '\0')
        return error_set(ERR_FORMAT, "the caption is empty");
    return OK;
}

static int add_pair(struct pair_list *list, const char *folder, const struct row *row, size_t line)
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
    *p = (struct pair){.path = path_join(folder, row->image), .caption = str_dup(row->caption), .line = line};
    if (!p->path || !p->caption)
        return ERR_MEMORY;
    if (!file_exists(p->path) || file_is_dir(p->path))
        return error_set(ERR_FORMAT, "no image '%s'", p->path);
    return OK;
}

static int read_rows(struct pair_list *list, const char *folder, struct lines *lines)
{
    struct row row;
    char *line = lines_next(lines);
    if (!line || strcmp(line, "image,caption") != 0)
        return error_set(ERR_FORMAT, "expected the header image,caption");
    int status = OK;
    while (status == OK && (line = lines_next(lines))) {
        status = parse_row(&row, line);
        if (status == OK)
            status = add_pair(list, folder, &row, lines->number);
    }
    if (status == OK && list->n == 0)
        status = error_set(ERR_FORMAT, "no row behind the header");
    return status;
}

int pairs_read(struct pair_list *out, const char *path)
{
    *out = (struct pair_list){0};
    struct lines lines = {0};
    char *absolute = path_absolute(path), *folder = absolute ? path_dir(absolute) : NULL;
    int status = folder ? lines_open(&lines, absolute) : ERR_MEMORY;
    if (status == OK && (status = read_rows(out, folder, &lines)) != OK)
        error_context("%s:%zu", absolute, lines.number);
    lines_close(&lines);
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
