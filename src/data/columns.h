/* Finds the columns of a table by the names in its header. */
#ifndef PROMPT_SRC_DATA_COLUMNS_H
#define PROMPT_SRC_DATA_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "prompt/base/csv.h"

enum { COLUMN_NAMES_MAX = 12, COLUMN_NONE = -1 };

/* The contents of a column, and the names it may have: lower case, without spaces, '_' and '-'. */
struct column {
    const char *holds; /* "the path" */
    const char *names[COLUMN_NAMES_MAX];
};

#define COLUMN_PATH_NAMES                                                                                    \
    {                                                                                                        \
        "path", "filename", "filepath", "image", "file", "imagepath", "imagefile", "imagename", "img",       \
            "imgpath"                                                                                        \
    }

/* Whether a cell must be a path: it has a slash, a backslash or an image's ending. */
bool column_is_path(const char *cell);
/* Whether the row is a header: a cell has a name of `columns`, and none is a path. */
bool columns_are_named(const struct csv *row, const struct column *columns, size_t n_columns);

/**
 * Finds the columns in the header that was read last. `at[i]` becomes the index of columns[i] in a row, or
 * COLUMN_NONE. Appends the names of all other columns to `unused` (NULL: drops them), quoted and separated by
 * commas.
 * @return OK; ERR_FORMAT, with file and line, for two columns with the same contents, and for a misspelled
 *         name of a missing column; ERR_MEMORY
 */
int columns_find(int *at, struct str *unused, const struct csv *header, const struct column *columns,
                 size_t n_columns);
/* ERR_FORMAT that names the missing column and the columns found. */
int columns_missing(const struct csv *header, const struct column *missing);

#endif
