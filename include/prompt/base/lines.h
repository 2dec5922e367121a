/** Text files line by line. */
#ifndef PROMPT_BASE_LINES_H
#define PROMPT_BASE_LINES_H

#include <stddef.h>

#include "prompt/base/error.h"

struct lines {
    char *text;    /* the whole file, owned; the lines point into it */
    char *next;    /* where the next line begins */
    size_t number; /* of the line that was read last, from 1 */
};

/**
 * Reads a whole text file; the caller frees it.
 * @return OK; ERR_IO; ERR_FORMAT, with the line, for a byte of value 0 (as in UTF-16); ERR_MEMORY
 */
int lines_read_text(char **out, const char *path);

/** The same, to be taken line by line; a byte order mark is passed over. */
int lines_open(struct lines *out, const char *path);
/**
 * The next line that is not empty, without its end (LF or CR LF, also missing in the last line) and without
 * white space behind it; NULL at the end. It may be changed and is valid until lines_close.
 */
char *lines_next(struct lines *lines);
void lines_close(struct lines *lines);

#endif
