/** Pictures with captions from a user's own table. */
#ifndef PROMPT_DATA_PAIRS_H
#define PROMPT_DATA_PAIRS_H

#include <stddef.h>

#include "prompt/base/digest.h"
#include "prompt/base/error.h"

struct pair {
    char *path;    /* owned, absolute */
    char *caption; /* owned */
    size_t line;   /* in the file, from 1 */
};

struct pair_list {
    struct pair *items;
    size_t n;
    size_t n_left_out; /* rows of the splits val and test */
};

/**
 * Reads a CSV file (csv.h) whose header has a column of paths (image, path, filepath, filename ...) and one
 * of captions (caption, text, title), in any order and case. If there is a column of splits (split, subset),
 * only the rows of train are read, and the others counted; further columns are ignored. A relative path
 * starts at the file's folder.
 * @return OK; ERR_IO; ERR_FORMAT with file and line for a header without these columns, a row with another
 * number of cells, an empty cell, an image that does not exist, or a file without rows; ERR_MEMORY
 */
int pairs_read(struct pair_list *out, const char *path);
void pairs_free(struct pair_list *list);

/** SHA-256 over the rows, paths as they are. */
int pairs_digest(char hex[DIGEST_HEX_SIZE], const struct pair_list *list);

#endif
