/*
 * A user's own list. With a header, its columns may have any order; without one, a row is path, label and,
 * after a numeric label, the class name.
 *
 * Labels are numbers from 0 if the first one is a number; else they are class names, numbered in bytewise
 * order.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "prompt/base/array.h"
#include "prompt/base/csv.h"
#include "prompt/base/str.h"
#include "reader.h"
#include "readers.h"

enum { PATH, LABEL, NAME, CLASS, SPLIT, N_COLUMNS };

static const struct column columns[N_COLUMNS] = {
    [PATH] = {"the images' paths", COLUMN_PATH_NAMES},
    [LABEL] = {"the labels", {"label", "labels", "target", "classid", "classidx", "classindex", "labelid"}},
    [NAME] = {"the class names", {"name", "title", "classname", "labelname", "category"}},
    [CLASS] = {"the classes", {"class"}}, /* a name; a label if there are names, too */
    [SPLIT] = {"the split", {"split", "subset"}},
};

struct row {
    const char *path, *label, *name; /* borrowed from the file's text; name: NULL if there is none */
    enum part part;                  /* PART_NONE if the list has no split */
    size_t line;
};

struct table {
    struct csv csv;
    struct row *rows;
    size_t n;
    int at[N_COLUMNS];
};

static void table_close(struct table *t)
{
    csv_close(&t->csv);
    free(t->rows);
}

/* ---------------------------------------------------------------- the header */

static int take_header(struct table *t, struct dataset *d)
{
    struct str unused = {0};
    int *at = t->at;
    int status = columns_find(at, &unused, &t->csv, columns, N_COLUMNS);
    if (status == OK && unused.len > 0)
        str_appendf(dataset_note(d), "unused columns: %s", str_text(&unused));
    str_free(&unused);
    if (status != OK)
        return status;
    if (at[PATH] == COLUMN_NONE)
        return columns_missing(&t->csv, &columns[PATH]);
    if (at[CLASS] != COLUMN_NONE) { /* beside a name it is the label, else the name */
        const int role = at[NAME] != COLUMN_NONE ? LABEL : NAME;
        if (at[role] != COLUMN_NONE)
            return error_set(ERR_FORMAT, "%s:%zu: '%s' and '%s' both name the column of %s", t->csv.path,
                             t->csv.line, t->csv.cells[at[role]], t->csv.cells[at[CLASS]],
                             columns[role].holds);
        at[role] = at[CLASS];
    }
    if (at[LABEL] == COLUMN_NONE) {
        at[LABEL] = at[NAME];
        at[NAME] = COLUMN_NONE;
    }
    return at[LABEL] == COLUMN_NONE ? columns_missing(&t->csv, &columns[LABEL]) : OK;
}

static int take_no_header(struct table *t)
{
    static const int at[N_COLUMNS] = {0, 1, 2, COLUMN_NONE, COLUMN_NONE};
    memcpy(t->at, at, sizeof at);
    if (t->csv.n == 2)
        t->at[NAME] = COLUMN_NONE;
    if (t->csv.n == 2 || t->csv.n == 3)
        return OK;
    return error_set(
        ERR_FORMAT,
        "%s:%zu: expected path, label and perhaps a class name, or a header with the names of the columns, "
        "found %zu %s",
        t->csv.path, t->csv.line, t->csv.n, plural(t->csv.n, "cell", "cells"));
}

/* ---------------------------------------------------------------- rows */

static const char *cell_of(const struct table *t, int column)
{
    return t->at[column] == COLUMN_NONE ? NULL : t->csv.cells[t->at[column]];
}

static int parse_row(struct row *out, const struct table *t, const char *image_dir)
{
    const char *split = cell_of(t, SPLIT);
    const size_t n = strlen(image_dir);
    *out = (struct row){.path = cell_of(t, PATH),
                        .label = cell_of(t, LABEL),
                        .name = cell_of(t, NAME),
                        .part = split ? reader_part_of(split) : PART_NONE,
                        .line = t->csv.line};
    if (out->label[0] == '\0')
        return error_set(ERR_FORMAT, "the label is empty");
    if (out->name && out->name[0] == '\0')
        return error_set(ERR_FORMAT, "the class name of label '%s' is empty", out->label);
    if (split && out->part == PART_NONE)
        return error_set(ERR_FORMAT, "expected train, val or test as the split, found '%s'", split);
    if (strncmp(out->path, image_dir, n) == 0 && out->path[n] == '/')
        out->path += n + 1;
    if (out->path[0] == '/')
        return error_set(ERR_FORMAT, "the path '%s' is not below '%s': data.image_dir names another folder",
                         out->path, image_dir);
    return reader_check_path(out->path);
}

/* A first row without a path, followed by rows with one, is a header with unknown names. */
static int check_first(const struct table *t)
{
    const struct row *first = &t->rows[0], *second = &t->rows[1];
    if (t->n != 2 || column_is_path(first->path) || column_is_path(first->label))
        return OK;
    if (!column_is_path(second->path) && !(column_is_path(second->label) && strchr(second->label, '.')))
        return OK;
    return error_set(
        ERR_FORMAT,
        "%s:%zu: expected an image's path, or a header with the columns path and label, found '%s' and '%s'",
        t->csv.path, first->line, first->path, first->label);
}

static int add_row(struct table *t, const char *image_dir, bool has_header)
{
    if (array_grow(&t->rows, t->n, sizeof *t->rows) != OK)
        return ERR_MEMORY;
    if (parse_row(&t->rows[t->n], t, image_dir) != OK)
        return error_context("%s:%zu", t->csv.path, t->csv.line);
    t->n++;
    return has_header ? OK : check_first(t);
}

static int read_rows(struct table *t, struct dataset *d)
{
    int status = csv_next(&t->csv);
    const bool has_header = status == OK && columns_are_named(&t->csv, columns, N_COLUMNS);
    csv_expect(&t->csv, has_header ? "the header" : "the first row");
    if (status == OK && has_header) {
        if ((status = take_header(t, d)) == OK)
            status = csv_next(&t->csv);
    } else if (status == OK && t->csv.n > 0) {
        status = take_no_header(t);
    }
    while (status == OK && t->csv.n > 0)
        if ((status = add_row(t, d->image_dir, has_header)) == OK)
            status = csv_next(&t->csv);
    if (status == OK && t->n == 0)
        status = error_set(ERR_FORMAT, "%s: no row with path and label", t->csv.path);
    return status;
}

/* ---------------------------------------------------------------- labels */

/* "3", or "3.0", which pandas writes for a column with a gap. */
static bool parse_number(int64_t *out, const char *text)
{
    const size_t n = strspn(text, "-0123456789");
    const bool is_whole =
        text[n] == '\0' || (text[n] == '.' && text[n + 1 + strspn(text + n + 1, "0")] == '\0');
    char *digits = is_whole && n > 0 ? str_dup_n(text, n) : NULL;
    const bool is_number = digits && str_parse_i64(out, digits) == OK;
    if (digits && !is_number)
        error_clear();
    free(digits);
    return is_number;
}

/* The label of a row: its number, or the rank of its name in `ranked` if given. */
static int label_of(int64_t *out, const struct row *row, const struct str_list *ranked)
{
    size_t rank = 0;
    if (ranked) {
        if (!str_list_find(&rank, ranked, row->label))
            return error_set(ERR_FORMAT, "unknown class '%s'", row->label);
        *out = (int64_t)rank;
        return OK;
    }
    if (!parse_number(out, row->label) || *out < 0)
        return error_set(ERR_FORMAT,
                         "expected a whole number from 0 as the label, as in the first row, found '%s'",
                         row->label);
    return OK;
}

/* The class name of a row: its own, else its label as text or as a number without a fraction. */
static int set_name(struct dataset *d, const struct row *row, int64_t label, bool is_number, int64_t n_labels)
{
    char number[32];
    snprintf(number, sizeof number, "%" PRId64, label);
    return reader_set_name(d, label, row->name ? row->name : is_number ? number : row->label, n_labels);
}

static int set_labels(struct dataset *d, const struct table *t, const struct str_list *ranked)
{
    struct item_list *const lists[] = {
        [PART_TRAIN] = &d->train, [PART_VAL] = &d->val, [PART_TEST] = &d->test, [PART_NONE] = &d->train};
    int status = reader_alloc_names(d, t->n);
    for (size_t i = 0; status == OK && i < t->n; i++) {
        const struct row *row = &t->rows[i];
        int64_t label = 0;
        if ((status = label_of(&label, row, ranked)) == OK &&
            (status = set_name(d, row, label, !ranked, (int64_t)t->n)) == OK)
            status = item_list_add(lists[row->part], row->path, label);
        if (status != OK)
            return error_context("%s:%zu", t->csv.path, row->line);
    }
    return status == OK ? reader_check_gaps(d, t->csv.path, "") : status;
}

/* The labels' own names in bytewise order. */
static int rank_names(struct str_list *out, const struct table *t)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < t->n; i++)
        status = str_list_add(out, t->rows[i].label);
    str_list_sort_unique(out);
    return status;
}

static int number_classes(struct dataset *d, const struct table *t)
{
    struct str_list ranked = {0};
    int64_t number = 0;
    const bool are_numbers = parse_number(&number, t->rows[0].label);
    int status = are_numbers ? OK : rank_names(&ranked, t);
    if (status == OK)
        status = set_labels(d, t, are_numbers ? NULL : &ranked);
    str_list_free(&ranked);
    return status;
}

/* ---------------------------------------------------------------- one name, one label */

static size_t line_of(const struct table *t, const char *name, const char *other_than)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].name && strcmp(t->rows[i].name, name) == 0 &&
            (!other_than || strcmp(t->rows[i].label, other_than) != 0))
            return i;
    return 0;
}

static int check_names(const struct dataset *d, const struct table *t)
{
    struct str_list names = {0};
    if (t->at[NAME] == COLUMN_NONE)
        return OK;
    int status = OK;
    for (int64_t k = 0; status == OK && k < d->n_classes; k++)
        status = str_list_add(&names, d->class_names[k]);
    str_list_sort_unique(&names);
    const bool are_different = (int64_t)names.n == d->n_classes;
    str_list_free(&names);
    if (status != OK || are_different)
        return status;
    for (int64_t k = 0; k < d->n_classes; k++) {
        const struct row *first = &t->rows[line_of(t, d->class_names[k], NULL)];
        const struct row *other = &t->rows[line_of(t, first->name, first->label)];
        if (strcmp(other->name, first->name) == 0 && strcmp(other->label, first->label) != 0)
            return error_set(ERR_FORMAT,
                             "%s:%zu: '%s' is the name of label %s here and of label %s in line %zu",
                             t->csv.path, other->line, first->name, other->label, first->label, first->line);
    }
    return OK;
}

/* ---------------------------------------------------------------- the list's own split */

static int check_split(struct dataset *d, const struct table *t)
{
    if (d->test.n == 0 && d->val.n > 0) {
        d->test = d->val;
        d->val = (struct item_list){0};
        str_append(dataset_note(d), "tests on val, as no row has the split test");
    }
    if (d->test.n == 0)
        return error_set(ERR_FORMAT, "%s: no row has the split test or val", t->csv.path);
    if (d->train.n == 0) {
        str_append(dataset_note(d), "no row has the split train: for evaluation only");
        return OK;
    }
    bool *is_trained = calloc((size_t)d->n_classes + 1, sizeof *is_trained);
    if (!is_trained)
        return error_out_of_memory();
    for (size_t i = 0; i < d->train.n; i++)
        is_trained[d->train.items[i].label] = true;
    int64_t first = 0;
    while (first < d->n_classes && is_trained[first])
        first++;
    free(is_trained);
    if (first == d->n_classes)
        return OK;
    return error_set(ERR_FORMAT, "%s: class '%s' has no row of the split train", t->csv.path,
                     d->class_names[first]);
}

int read_csv(struct dataset *d, const char *path, uint64_t seed)
{
    struct table t = {0};
    int status = OK;
    if ((status = csv_open(&t.csv, path)) == OK && (status = read_rows(&t, d)) == OK &&
        (status = number_classes(d, &t)) == OK)
        status = check_names(d, &t);
    if (status == OK && t.at[SPLIT] != COLUMN_NONE)
        status = check_split(d, &t);
    else if (status == OK && reader_split_by_class(d, seed) != OK)
        status = error_context("%s", path);
    table_close(&t);
    return status;
}
