/*
 * A user's own list: lines of path, label and, behind a label's number, the class name. Separated by commas,
 * or by tabs if the first line has one; a field may stand in double quotes. A first line "path,label..." is a
 * header.
 *
 * Labels are numbers from 0 if the first one is a number, else they are class names, numbered in bytewise
 * order.
 */
#include <stdlib.h>
#include <string.h>

#include "prompt/base/lines.h"
#include "prompt/base/str.h"
#include "readers.h"

enum { MAX_FIELDS = 3 };

struct row {
    char *fields[MAX_FIELDS];
    size_t n;
};

static int parse_row(struct row *out, char *line, char separator)
{
    *out = (struct row){0};
    for (char *at = line; at;) {
        char *field = out->n < MAX_FIELDS ? lines_field(&at, separator) : NULL;
        if (!field)
            return error_set(ERR_FORMAT, "expected path, label and perhaps a class name");
        out->fields[out->n++] = field;
    }
    if (out->n < 2 || out->fields[1][0] == '\0' || (out->n == 3 && out->fields[2][0] == '\0'))
        return error_set(ERR_FORMAT, "expected path, label and perhaps a class name");
    return reader_check_path(out->fields[0]);
}

/* ---------------------------------------------------------------- the file */

struct csv {
    struct item_list items; /* the label is the line's number, until it is known */
    struct str_list labels; /* as written, one for each item */
    struct str_list names;  /* the class name of each item */
};

static void csv_free(struct csv *csv)
{
    item_list_free(&csv->items);
    str_list_free(&csv->labels);
    str_list_free(&csv->names);
}

static int read_rows(struct csv *out, struct lines *lines)
{
    char separator = '\0';
    for (char *line = NULL; (line = lines_next(lines));) {
        struct row row;
        if (!separator) {
            separator = strchr(line, '\t') ? '\t' : ',';
            if (str_starts_with(line, "path") && (line[4] == separator))
                continue;
        }
        int status = parse_row(&row, line, separator);
        if (status == OK)
            status = item_list_add(&out->items, row.fields[0], (int64_t)lines->number);
        if (status == OK)
            status = str_list_add(&out->labels, row.fields[1]);
        if (status == OK)
            status = str_list_add(&out->names, row.fields[row.n - 1]);
        if (status != OK)
            return status;
    }
    return out->items.n > 0 ? OK : error_set(ERR_FORMAT, "no line with path and label");
}

/* ---------------------------------------------------------------- labels */

/* The label of item i: its number, or the rank of its name in `ranked` if that is given. */
static int label_of(int64_t *out, const struct csv *csv, size_t i, const struct str_list *ranked)
{
    size_t rank = 0;
    if (ranked) {
        if (!str_list_find(&rank, ranked, csv->labels.items[i]))
            return error_set(ERR_FORMAT, "unknown class '%s'", csv->labels.items[i]);
        *out = (int64_t)rank;
        return OK;
    }
    if (str_parse_i64(out, csv->labels.items[i]) != OK || *out < 0)
        return error_set(ERR_FORMAT,
                         "expected a whole number from 0 as the label, as in the first line, found '%s'",
                         csv->labels.items[i]);
    return OK;
}

static int set_labels(struct dataset *d, const struct csv *csv, const struct str_list *ranked,
                      const char *path)
{
    const int64_t n = (int64_t)csv->items.n;
    int status = reader_alloc_names(d, csv->items.n);
    for (size_t i = 0; status == OK && i < csv->items.n; i++) {
        const struct item *item = &csv->items.items[i];
        int64_t label = 0;
        status = label_of(&label, csv, i, ranked);
        if (status == OK)
            status = reader_set_name(d, label, csv->names.items[i], n);
        if (status == OK)
            status = item_list_add_item(&d->train, item, label);
        if (status != OK)
            return error_context("%s:%lld", path, (long long)item->label);
    }
    return status == OK ? reader_check_gaps(d, path, "") : status;
}

/* The labels' own names in bytewise order. */
static int rank_names(struct str_list *out, const struct str_list *labels)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < labels->n; i++)
        status = str_list_add(out, labels->items[i]);
    str_list_sort_unique(out);
    return status;
}

int read_csv(struct dataset *d, const char *path, uint64_t seed)
{
    struct lines lines = {0};
    struct csv csv = {0};
    struct str_list ranked = {0};
    int64_t number = 0;
    int status = lines_open(&lines, path);
    if (status == OK && read_rows(&csv, &lines) != OK)
        status = error_context("%s:%zu", path, lines.number);
    if (status == OK) {
        const bool are_numbers = str_parse_i64(&number, csv.labels.items[0]) == OK;
        if (!are_numbers)
            status = rank_names(&ranked, &csv.labels);
        if (status == OK)
            status = set_labels(d, &csv, are_numbers ? NULL : &ranked, path);
    }
    if (status == OK && reader_split_by_class(d, seed) != OK)
        status = error_context("%s", path);
    str_list_free(&ranked);
    csv_free(&csv);
    lines_close(&lines);
    return status;
}
