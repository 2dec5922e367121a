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
    size_t capacity;
};

/**
 * Reads a CSV file with the header image,caption, a pair a line; a field may stand in double quotes. A path
 * that is not absolute counts from the file's folder.
 * @return OK; ERR_IO; ERR_FORMAT with file and line for a row that has not two fields, an empty field, or an
 * image that does not exist, and for a file without rows; ERR_MEMORY
 */
int pairs_read(struct pair_list *out, const char *path);
void pairs_free(struct pair_list *list);

/** SHA-256 over the rows, paths as they are. */
int pairs_digest(char hex[DIGEST_HEX_SIZE], const struct pair_list *list);

#endif
