/* A table of images and captions. */
#include "prompt/data/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "prompt/base/array.h"
#include "prompt/base/csv.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "reader.h"

enum { IMAGE, CAPTION, SPLIT, N_COLUMNS };

static const struct column columns[N_COLUMNS] = {
    [IMAGE] = {"the images' paths", COLUMN_PATH_NAMES},
    [CAPTION] = {"the captions", {"caption", "captions", "text", "title"}},
    [SPLIT] = {"the split", {"split", "subset"}},
};

static int add_row(struct pair_list *list, const char *folder, const struct csv *csv, const int *at)
{
    const char *split = at[SPLIT] == COLUMN_NONE ? NULL : csv->cells[at[SPLIT]];
    const char *image = csv->cells[at[IMAGE]], *caption = csv->cells[at[CAPTION]];
    const enum part part = split ? reader_part_of(split) : PART_TRAIN;
    if (part == PART_NONE)
        return error_set(ERR_FORMAT, "expected train, val or test as the split, found '%s'", split);
    if (image[0] == '\0')
        return error_set(ERR_FORMAT, "the image's path is empty");
    if (caption[0] == '\0')
        return error_set(ERR_FORMAT, "the caption is empty");
    if (part != PART_TRAIN) {
        list->n_left_out++;
        return OK;
    }
    if (array_grow(&list->items, list->n, sizeof *list->items) != OK)
        return ERR_MEMORY;
    struct pair *p = &list->items[list->n++];
    *p = (struct pair){.path = path_join(folder, image), .caption = str_dup(caption), .line = csv->line};
    if (!p->path || !p->caption)
        return ERR_MEMORY;
    if (!file_exists(p->path) || file_is_dir(p->path))
        return error_set(ERR_FORMAT, "the image '%s' does not exist", p->path);
    return OK;
}

/* Ignores other columns, such as an address, as open_clip does. */
static int read_header(int at[N_COLUMNS], struct csv *csv)
{
    int status = csv_next(csv);
    csv_expect(csv, "the header");
    if (status == OK && !columns_are_named(csv, columns, N_COLUMNS))
        return error_set(ERR_FORMAT, "%s:%zu: expected a header with the columns image and caption",
                         csv->path, csv->line > 0 ? csv->line : 1);
    if (status == OK)
        status = columns_find(at, NULL, csv, columns, N_COLUMNS);
    for (int c = 0; status == OK && c < SPLIT; c++)
        if (at[c] == COLUMN_NONE)
            status = columns_missing(csv, &columns[c]);
    return status;
}

static int read_rows(struct pair_list *list, const char *folder, struct csv *csv)
{
    int at[N_COLUMNS];
    int status = read_header(at, csv);
    const size_t header_line = csv->line;
    while (status == OK && (status = csv_next(csv)) == OK && csv->n > 0)
        if ((status = add_row(list, folder, csv, at)) != OK && status != ERR_MEMORY)
            error_context("%s:%zu", csv->path, csv->line);
    if (status == OK && list->n == 0)
        status = error_set(ERR_FORMAT, "%s:%zu: no row%s follows the header", csv->path, header_line,
                           list->n_left_out > 0 ? " of the split train" : "");
    return status;
}

int pairs_read(struct pair_list *out, const char *path)
{
    *out = (struct pair_list){0};
    struct csv csv = {0};
    char *absolute = path_absolute(path), *folder = absolute ? path_dir(absolute) : NULL;
    int status = folder ? csv_open(&csv, absolute) : ERR_MEMORY;
    if (status == OK)
        status = read_rows(out, folder, &csv);
    csv_close(&csv);
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
