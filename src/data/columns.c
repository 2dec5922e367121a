/* The header of a table. */
#include "columns.h"

#include <ctype.h>
#include <string.h>

#include "walk.h"

bool column_is_path(const char *cell)
{
    return strpbrk(cell, "/\\") || walk_is_image(cell);
}

enum { WORD_MAX = 32 };

/* Spells the cell like the names of a struct column; "" if it is longer than all of them. */
static void normalize(char word[WORD_MAX], const char *cell)
{
    size_t n = 0;
    for (; *cell && n + 1 < WORD_MAX; cell++)
        if (!strchr(" _-", *cell))
            word[n++] = (char)tolower((unsigned char)*cell);
    word[*cell ? 0 : n] = '\0';
}

/* A cheap test by length: a table's first row has many cells, and few are near a name. */
static bool may_be_near(const char *word, const char *name, size_t max_distance)
{
    const size_t n = strlen(word), m = strlen(name);
    return (n > m ? n - m : m - n) <= max_distance;
}

/* The column that the word names exactly or with one letter wrong; COLUMN_NONE if there is none. */
static int find_name(const char **name, const char *word, const struct column *columns, size_t n_columns,
                     size_t max_distance)
{
    for (size_t i = 0; word[0] && i < n_columns; i++)
        for (size_t k = 0; k < COLUMN_NAMES_MAX && columns[i].names[k]; k++)
            if (may_be_near(word, columns[i].names[k], max_distance) &&
                str_distance(word, columns[i].names[k]) <= max_distance) {
                *name = columns[i].names[k];
                return (int)i;
            }
    return COLUMN_NONE;
}

bool columns_are_named(const struct csv *row, const struct column *columns, size_t n_columns)
{
    bool found = false;
    for (size_t i = 0; i < row->n; i++) {
        char word[WORD_MAX];
        const char *name = NULL;
        if (column_is_path(row->cells[i]))
            return false;
        normalize(word, row->cells[i]);
        found = found || find_name(&name, word, columns, n_columns, 0) != COLUMN_NONE;
    }
    return found;
}

static int note_unused(struct str *unused, const int *at, const struct csv *header, size_t i,
                       const struct column *columns, size_t n_columns)
{
    char word[WORD_MAX];
    const char *name = NULL;
    normalize(word, header->cells[i]);
    const int near = find_name(&name, word, columns, n_columns, strlen(word) > 4);
    if (near != COLUMN_NONE && at[near] == COLUMN_NONE)
        return error_set(ERR_FORMAT, "%s:%zu: unknown column '%s', did you mean '%s'?", header->path,
                         header->line, header->cells[i], name);
    if (unused)
        str_appendf(unused, "%s'%s'", unused->len > 0 ? ", " : "", header->cells[i]);
    return unused ? str_status(unused) : OK;
}

int columns_find(int *at, struct str *unused, const struct csv *header, const struct column *columns,
                 size_t n_columns)
{
    for (size_t c = 0; c < n_columns; c++)
        at[c] = COLUMN_NONE;
    for (size_t i = 0; i < header->n; i++) {
        char word[WORD_MAX];
        const char *name = NULL;
        normalize(word, header->cells[i]);
        const int c = find_name(&name, word, columns, n_columns, 0);
        if (c != COLUMN_NONE && at[c] != COLUMN_NONE)
            return error_set(ERR_FORMAT, "%s:%zu: '%s' and '%s' both name the column of %s", header->path,
                             header->line, header->cells[at[c]], header->cells[i], columns[c].holds);
        if (c != COLUMN_NONE)
            at[c] = (int)i;
    }
    int status = OK;
    for (size_t i = 0; status == OK && i < header->n; i++) {
        bool is_used = header->cells[i][0] == '\0'; /* an index, as pandas writes it */
        for (size_t c = 0; c < n_columns; c++)
            is_used = is_used || at[c] == (int)i;
        if (!is_used)
            status = note_unused(unused, at, header, i, columns, n_columns);
    }
    return status;
}

int columns_missing(const struct csv *header, const struct column *missing)
{
    struct str expected = {0}, found = {0};
    for (size_t k = 0; k < COLUMN_NAMES_MAX && missing->names[k]; k++)
        str_appendf(&expected, "%s%s", k > 0 ? ", " : "", missing->names[k]);
    for (size_t i = 0; i < header->n; i++)
        str_appendf(&found, "%s'%s'", i > 0 ? ", " : "", header->cells[i]);
    int status = error_set(ERR_FORMAT, "%s:%zu: no column holds %s: expected one named %s, found %s",
                           header->path, header->line, missing->holds, str_text(&expected), str_text(&found));
    str_free(&expected);
    str_free(&found);
    return status;
}
