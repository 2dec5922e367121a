/* CSV files: the cells are cut in the text of the file. */
#include "prompt/base/csv.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/lines.h"

/* ---------------------------------------------------------------- cells */

static bool is_end(char c)
{
    return c == '\0' || c == '\n' || c == '\r';
}

static bool is_blank(char c, char separator)
{
    return (c == ' ' || c == '\t') && c != separator;
}

/* The end of the line break at `at`; CR LF is one. */
static const char *after_break(const char *at)
{
    return at + (at[0] == '\r' && at[1] == '\n') + (*at != '\0');
}

static const char *skip_blanks(const char *at, char separator)
{
    while (is_blank(*at, separator))
        at++;
    return at;
}

enum cell_fault { CELL_GOOD, CELL_UNCLOSED, CELL_TEXT_AFTER_QUOTE };

/* A cell as it is in the text. */
struct cell {
    const char *begin, *end; /* without white space around it; with its quotes */
    const char *next;        /* the separator, line break or NUL after it */
    size_t n_lines;          /* breaks in it */
    enum cell_fault fault;
};

static struct cell scan_quoted(const char *begin, char separator)
{
    struct cell cell = {.begin = begin};
    const char *at = begin + 1;
    while (*at && (at[0] != '"' || at[1] == '"')) {
        cell.n_lines += *at == '\n' || (at[0] == '\r' && at[1] != '\n');
        at += *at == '"' ? 2 : 1;
    }
    cell.fault = *at ? CELL_GOOD : CELL_UNCLOSED;
    cell.end = *at ? at + 1 : at;
    cell.next = skip_blanks(cell.end, separator);
    if (cell.fault == CELL_GOOD && !is_end(*cell.next) && *cell.next != separator)
        cell.fault = CELL_TEXT_AFTER_QUOTE;
    return cell;
}

static struct cell scan_cell(const char *at, char separator)
{
    const char *begin = skip_blanks(at, separator);
    if (*begin == '"')
        return scan_quoted(begin, separator);
    const char *next = begin;
    while (!is_end(*next) && *next != separator)
        next++;
    const char *end = next;
    while (end > begin && is_blank(end[-1], separator))
        end--;
    return (struct cell){.begin = begin, .end = end, .next = next};
}

/* ---------------------------------------------------------------- the separator */

/* Cells of the row at `*at`, which moves to the next row; 0 for a row that is faulty. */
static size_t count_cells(const char **at, char separator)
{
    size_t n = 1;
    for (;; n++, ++*at) {
        const struct cell cell = scan_cell(*at, separator);
        *at = cell.next;
        if (cell.fault != CELL_GOOD)
            return 0;
        if (*cell.next != separator)
            break;
    }
    *at = after_break(*at);
    return n;
}

enum { LOOKED_AT_ROWS = 20 };

/* Whether the first rows have the same number of cells, at least two. */
static bool fits(const char *text, char separator)
{
    const char *at = text;
    const size_t n = count_cells(&at, separator);
    if (n < 2)
        return false;
    for (int i = 1; i < LOOKED_AT_ROWS && *at; i++) {
        const bool is_empty = is_end(at[strspn(at, " \t,;")]);
        const size_t m = count_cells(&at, separator);
        if (m == 0)
            break; /* csv_next reports it */
        if (m != n && !is_empty)
            return false;
    }
    return true;
}

/* A tab before the others; of these the first in the text. */
static char find_separator(const char *text)
{
    const char *comma_or_semicolon = strpbrk(text, ",;");
    const char first = comma_or_semicolon ? *comma_or_semicolon : ',';
    const char candidates[] = {'\t', first, first == ',' ? ';' : ','};
    for (size_t i = 0; i < sizeof candidates; i++)
        if (fits(text, candidates[i]))
            return candidates[i];
    for (size_t i = 0; i < sizeof candidates; i++) {
        const char *at = text;
        if (count_cells(&at, candidates[i]) > 1)
            return candidates[i];
    }
    return ',';
}

/* ---------------------------------------------------------------- the file */

int csv_open(struct csv *out, const char *path)
{
    *out = (struct csv){.path = path, .next_line = 1};
    int status = lines_read_text(&out->text, path);
    if (status != OK)
        return status;
    char *text = out->text + (str_starts_with(out->text, "\xef\xbb\xbf") ? 3 : 0);
    if (str_starts_with(text, "sep=") && text[4] && strchr(",;\t", text[4]) && is_end(text[5])) {
        out->separator = text[4];
        text += after_break(text + 5) - text;
        out->next_line++;
    }
    for (; is_end(*text) && *text; out->next_line++)
        text += after_break(text) - text;
    out->next = text;
    if (!out->separator)
        out->separator = find_separator(text);
    return OK;
}

/* The cell's text, unquoted and ended where it is. */
static char *cut_cell(const struct csv *csv, const struct cell *cell)
{
    char *begin = csv->text + (cell->begin - csv->text);
    char *end = csv->text + (cell->end - csv->text);
    if (*begin != '"') {
        *end = '\0';
        return begin;
    }
    char *to = ++begin;
    end--;
    for (const char *from = begin; from < end; from++) {
        from += *from == '"';
        *to++ = *from;
    }
    while (begin < to && strchr(" \t\r\n", *begin))
        begin++;
    while (to > begin && strchr(" \t\r\n", to[-1]))
        to--;
    *to = '\0';
    return begin;
}

static int fail(const struct csv *csv, const struct cell *cell)
{
    if (cell->fault == CELL_UNCLOSED)
        return error_set(ERR_FORMAT, "%s:%zu: the quote that opens here is not closed", csv->path,
                         csv->next_line);
    return error_set(
        ERR_FORMAT,
        "%s:%zu: expected a separator or the row's end after the closing quote, found '%.1s': a quote "
        "inside of quotes is doubled",
        csv->path, csv->next_line + cell->n_lines, cell->next);
}

static int read_row(struct csv *csv)
{
    csv->n = 0;
    csv->line = csv->next_line;
    for (char mark = csv->separator; mark == csv->separator;) {
        const struct cell cell = scan_cell(csv->next, csv->separator);
        if (cell.fault != CELL_GOOD)
            return fail(csv, &cell);
        mark = *cell.next;
        csv->next_line += cell.n_lines + (mark == '\n' || mark == '\r');
        csv->next =
            csv->text + ((mark == csv->separator ? cell.next + 1 : after_break(cell.next)) - csv->text);
        if (array_grow(&csv->cells, csv->n, sizeof *csv->cells) != OK)
            return ERR_MEMORY;
        csv->cells[csv->n++] = cut_cell(csv, &cell);
    }
    return OK;
}

static int check_number(const struct csv *csv)
{
    char hint[64] = "";
    if (csv->n == csv->n_expected || csv->n_expected == 0)
        return OK;
    if (csv->n > csv->n_expected)
        snprintf(hint, sizeof hint, ": a cell that holds a %.*s is written in double quotes",
                 csv->separator == '\t' ? 3 : 1, csv->separator == '\t' ? "tab" : &csv->separator);
    return error_set(ERR_FORMAT, "%s:%zu: expected %zu %s, as in %s, found %zu%s", csv->path, csv->line,
                     csv->n_expected, plural(csv->n_expected, "cell", "cells"), csv->as_in, csv->n, hint);
}

int csv_next(struct csv *csv)
{
    while (*csv->next) {
        int status = read_row(csv);
        if (status != OK)
            return status;
        for (size_t i = 0; i < csv->n; i++)
            if (csv->cells[i][0] != '\0')
                return check_number(csv);
    }
    csv->n = 0;
    return OK;
}

void csv_expect(struct csv *csv, const char *as_in)
{
    csv->n_expected = csv->n;
    csv->as_in = as_in;
}

void csv_close(struct csv *csv)
{
    free(csv->text);
    free(csv->cells);
    *csv = (struct csv){0};
}

/* ---------------------------------------------------------------- writing */

void csv_write_text(struct str *out, const char *text)
{
    const bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    size_t n = strlen(text);
    str_append(out, quoted ? "\"" : "");
    for (size_t length; n > 0; text += length, n -= length) {
        length = utf8_sequence(text, n);
        if (*text == '"')
            str_append(out, "\"");
        if (length > 0)
            str_append_n(out, text, length);
        else
            str_appendf(out, "\\x%02x", (unsigned char)*text);
        length += length == 0;
    }
    str_append(out, quoted ? "\"" : "");
}
