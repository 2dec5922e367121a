/* Which column of a table holds what, by the names in its header. */
#ifndef PROMPT_SRC_DATA_COLUMNS_H
#define PROMPT_SRC_DATA_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "prompt/base/csv.h"

enum { COLUMN_NAMES_MAX = 12, COLUMN_NONE = -1 };

/* What a column may hold, and the names that say so: lower case, without spaces, '_' and '-'. */
struct column {
    const char *holds; /* "the path" */
    const char *names[COLUMN_NAMES_MAX];
};

#define COLUMN_PATH_NAMES                                                                                    \
    {                                                                                                        \
        "path", "filename", "filepath", "image", "file", "imagepath", "imagefile", "imagename", "img",       \
            "imgpath"                                                                                        \
    }

/* Whether a cell can only be a path: it has a slash, a backslash or an image's ending. */
bool column_is_path(const char *cell);
/* Whether the row is a header: a cell has a name of `columns`, and none is a path. */
bool columns_are_named(const struct csv *row, const struct column *columns, size_t n_columns);

/**
 * Finds the columns in the header that was read last. `at[i]` becomes the index of columns[i] in a row, or
 * COLUMN_NONE. The names of other columns are appended to `unused` (NULL: dropped), quoted, with commas
 * between.
 * @return OK; ERR_FORMAT, with file and line, for two columns that hold the same, and for a misspelt name of a
 *         column that is missing; ERR_MEMORY
 */
int columns_find(int *at, struct str *unused, const struct csv *header, const struct column *columns,
                 size_t n_columns);
/* ERR_FORMAT that says which column is missing and what is there. */
int columns_missing(const struct csv *header, const struct column *missing);

#endif
