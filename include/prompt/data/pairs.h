/** Pictures with captions from a user's own table. */
#ifndef PROMPT_DATA_PAIRS_H
#define PROMPT_DATA_PAIRS_H

#include <stddef.h>

#include "prompt/base/digest.h"
#include "prompt/base/error.h"

struct pair {
    char *path; /* absolute, owned */
    char *caption;
    size_t line; /* in the file, from 1 */
};

struct pair_list {
    struct pair *items;
    size_t n;
    size_t n_left_out; /* rows of the splits val and test */
};

/**
 * Reads a CSV file (csv.h) whose header has a column of paths (image, path, filepath, filename ...) and one
 * of captions (caption, text, title), in any order and case; of a column of splits (split, subset) the rows
 * of train are taken and the others counted; further columns are not used. A path that is not absolute
 * counts from the file's folder.
 * @return OK; ERR_IO; ERR_FORMAT with file and line for a header without these columns, a row of another
 * number of cells, an empty cell, or an image that does not exist, and for a file without rows; ERR_MEMORY
 */
int pairs_read(struct pair_list *out, const char *path);
void pairs_free(struct pair_list *list);

/** SHA-256 over the rows, paths as they are. */
int pairs_digest(char hex[DIGEST_HEX_SIZE], const struct pair_list *list);

#endif
