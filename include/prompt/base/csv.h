/** CSV files (RFC 4180): rows of cells, which in quotes may hold separators and line breaks. */
#ifndef PROMPT_BASE_CSV_H
#define PROMPT_BASE_CSV_H

#include <stddef.h>

#include "prompt/base/error.h"
#include "prompt/base/str.h"

/** A file that is read row by row. */
struct csv {
    const char *path; /* borrowed; for messages */
    char *text;       /* owned; the cells are parts of it */
    char *next;       /* where the next row begins */
    size_t next_line; /* its line, from 1 */
    char separator;   /* ',', ';' or a tab */
    char **cells;     /* [n], of the row that was read last; owned, the texts borrowed from `text` */
    size_t n;
    size_t line;       /* on which that row begins */
    size_t n_expected; /* cells of a row; 0: any number */
    const char *as_in; /* borrowed; which row has as many */
};

/**
 * Reads the whole file and finds its separator: a line "sep=;" before the rows names it (as Excel does), else
 * it is the one that gives the first rows equally many cells. A byte order mark is dropped.
 * @return OK; ERR_IO; ERR_FORMAT, with file and line, for a byte of value 0; ERR_MEMORY
 */
int csv_open(struct csv *out, const char *path);

/**
 * Reads the next row that has a cell that is not empty; n is 0 after the last. Rows end with LF, CR LF or CR.
 * A cell is trimmed of white space; a quote in it is doubled if the cell is in quotes. Cells are valid until
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
