/** CSV files (RFC 4180): rows of cells. A cell in quotes may hold separators and line breaks. */
#ifndef PROMPT_BASE_CSV_H
#define PROMPT_BASE_CSV_H

#include <stddef.h>

#include "prompt/base/error.h"
#include "prompt/base/str.h"

/** A file that is read row by row. */
struct csv {
    const char *path; /* borrowed; for messages */
    char *text;       /* owned; the cells are parts of it */
    char *next;       /* the start of the next row, in `text` */
    size_t next_line; /* its line, from 1 */
    char separator;   /* ',', ';' or a tab */
    /* the last row read */
    char **cells; /* [n], owned; the texts are borrowed from `text` */
    size_t n;
    size_t line; /* its first line */
    /* every row */
    size_t n_expected; /* number of cells; 0: any */
    const char *as_in; /* borrowed; the row that set the number */
};

/**
 * Reads the whole file and finds its separator: a line "sep=;" before the rows names it (as Excel does), else
 * it is the one that gives the first rows equally many cells. Drops a byte order mark.
 * @param path  borrowed until csv_close
 * @return OK; ERR_IO; ERR_FORMAT, with file and line, for a byte of value 0; ERR_MEMORY
 */
int csv_open(struct csv *out, const char *path);

/**
 * Reads the next row with a cell that is not empty; n is 0 after the last. Rows end with LF, CR LF or CR.
 * White space around a cell is dropped; a quote inside quotes is doubled. The texts of cells are valid until
 * csv_close.
 * @return OK; ERR_FORMAT, with file and line, for a quote that is not closed, text after a closing one, and
 *         another number of cells than csv_expect asked for; ERR_MEMORY
 */
int csv_next(struct csv *csv);
/** From now on rows must have as many cells as the one that was read last. `as_in` names it: "the header". */
void csv_expect(struct csv *csv, const char *as_in);
void csv_close(struct csv *csv);

/** Appends a cell, in quotes if it must be; a byte that is not UTF-8 becomes \xe9, as in Python's
 * "backslashreplace". */
void csv_write_text(struct str *out, const char *text);

#endif
