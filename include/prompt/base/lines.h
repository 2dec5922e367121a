/** Text files line by line. */
#ifndef PROMPT_BASE_LINES_H
#define PROMPT_BASE_LINES_H

#include <stddef.h>

#include "prompt/base/error.h"

struct lines {
    char *text;    /* the whole file, owned */
    char *next;    /* the start of the next line, in `text` */
    size_t number; /* of the last line read, from 1 */
};

/**
 * Reads a whole text file: `*out` is owned, NULL after a failure.
 * @return OK; ERR_IO; ERR_FORMAT, with the line, for a byte of value 0 (as in UTF-16); ERR_MEMORY
 */
int lines_read_text(char **out, const char *path);

/** Reads a whole text file, for lines_next; skips a byte order mark. */
int lines_open(struct lines *out, const char *path);
/**
 * The next line that is not empty, without its line break (LF or CR LF) and the white space before it; NULL
 * at the end. Borrowed until lines_close; the caller may change it.
 */
char *lines_next(struct lines *lines);
void lines_close(struct lines *lines);

#endif
