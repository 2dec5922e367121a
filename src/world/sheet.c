/* The contact sheet: every data set at a glance. */
#include <stdlib.h>
#include <string.h>

#include "picture.h"
#include "prompt/base/file.h"
#include "sets.h"

struct sheet {
    uint8_t *rgb; /* [rows * px, columns * px, 3] */
    uint8_t *tile;
    int64_t px, n_columns;
};

static void place_tile(const struct sheet *s, int64_t row, int64_t column)
{
    const size_t n = (size_t)s->px * 3;
    for (int64_t y = 0; y < s->px; y++)
        memcpy(s->rgb + (size_t)(((row * s->px + y) * s->n_columns + column) * s->px) * 3,
               s->tile + (size_t)y * n, n);
}

static int stream_row(const struct sheet *s, int64_t row, uint64_t seed)
{
    struct str caption = {0};
    int status = OK;
    for (int64_t i = 0; status == OK && i < s->n_columns; i++) {
        status = world_sample(s->tile, &caption, seed, (uint64_t)i, s->px);
        place_tile(s, row, i);
    }
    str_free(&caption);
    return status;
}

static int set_row(const struct sheet *s, int64_t row, const struct world_set *set,
                   const struct world_options *options)
{
    struct set_class classes[MAX_CLASSES];
    int n = set_classes(classes, set, options->kind);
    int status = OK;
    for (int64_t i = 0; status == OK && i < s->n_columns; i++) {
        struct set_item item = {.class = &classes[i % n], .part = PART_TEST, .n = i / n};
        status = set_item_draw(s->tile, set, &item, options);
        place_tile(s, row, i);
    }
    return status;
}

int world_write_sheet(const char *path, const bool *wanted, const struct world_options *options,
                      int64_t n_columns, bool replace)
{
    if (!replace && file_exists(path))
        return error_set(ERR_USAGE, "'%s' exists; --force replaces it", path);
    int64_t n_rows = 1;
    for (size_t i = 0; i < world_n_sets(); i++)
        n_rows += wanted[i];
    const size_t tile = (size_t)options->px * (size_t)options->px * 3;
    struct sheet s = {.px = options->px, .n_columns = n_columns};
    s.rgb = calloc((size_t)(n_rows * n_columns), tile);
    s.tile = malloc(tile);
    int status = s.rgb && s.tile ? stream_row(&s, 0, options->seed) : error_out_of_memory();
    for (size_t i = 0, row = 1; status == OK && i < world_n_sets(); i++)
        if (wanted[i])
            status = set_row(&s, (int64_t)row++, &world_sets[i], options);
    if (status == OK)
        status = picture_write(path, s.rgb, n_columns * options->px, n_rows * options->px, file_write_atomic);
    free(s.tile);
    free(s.rgb);
    return status;
}
