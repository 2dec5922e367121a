/*
 * Opening a data set, and comparing it with what was published. Nothing is written into the tree.
 */
#include "prompt/data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/str.h"
#include "prompt/data/catalog.h"
#include "split_internal.h"

/* "dir/name", which must be there: a folder, or for `is_dir` false, a file. */
static int join_existing(char **out, const char *dir, const char *name, bool is_dir, const char *what)
{
    *out = strcmp(name, ".") == 0 ? str_dup(dir) : path_join(dir, name);
    if (!*out)
        return ERR_MEMORY;
    if (is_dir ? file_is_dir(*out) : file_exists(*out))
        return OK;
    int status = error_set(ERR_IO, "%s '%s' is missing", what, *out);
    free(*out);
    *out = NULL;
    return status;
}

static int read_row(struct dataset *d, const struct catalog_entry *row, const char *root)
{
    char *folder = NULL;
    char *split_file = NULL;
    int status = join_existing(&folder, root, row->folders[0], true, "the folder");
    if (status == OK)
        status = join_existing(&d->image_dir, folder, row->image_folders[0], true, "the image folder");
    if (status == OK)
        status = join_existing(&split_file, folder, row->split_file, false, "the split file");
    if (status == OK)
        status = split_read(d, split_file);
    free(split_file);
    free(folder);
    return status;
}

int dataset_open(struct dataset **out, const char *data_root, const char *name)
{
    *out = NULL;
    const struct catalog_entry *row = NULL;
    int status = catalog_find(&row, name);
    if (status != OK)
        return status;
    char *root = path_absolute(data_root);
    struct dataset *d = calloc(1, sizeof *d);
    if (!root || !d) {
        free(root);
        free(d);
        return error_out_of_memory();
    }
    d->name = row->name;
    d->template = row->template;
    if (!file_is_dir(root))
        status = error_set(ERR_USAGE, "the data root '%s' is not a folder", root);
    else if (read_row(d, row, root) != OK)
        status = error_context("data set '%s'", name);
    free(root);
    if (status != OK) {
        dataset_free(d);
        return status;
    }
    *out = d;
    return OK;
}

void dataset_free(struct dataset *d)
{
    if (!d)
        return;
    free(d->image_dir);
    for (int64_t i = 0; d->class_names && i < d->n_classes; i++)
        free(d->class_names[i]);
    free(d->class_names);
    item_list_free(&d->train);
    item_list_free(&d->val);
    item_list_free(&d->test);
    free(d);
}

/* ---------------------------------------------------------------- the published split */

/* 4128 becomes "4,128". */
static void append_number(struct str *out, size_t n)
{
    if (n >= 1000) {
        append_number(out, n / 1000);
        str_appendf(out, ",%03zu", n % 1000);
    } else {
        str_appendf(out, "%zu", n);
    }
}

static void append_difference(struct str *out, const char *what, size_t found, size_t known)
{
    if (found == known)
        return;
    str_appendf(out, "%s%s ", out->len > 0 ? ", " : "", what);
    append_number(out, found);
    str_append(out, " instead of ");
    append_number(out, known);
}

int dataset_compare_known(struct str *out, const struct dataset *d)
{
    str_clear(out);
    const struct catalog_entry *row = catalog_get(d->name);
    if (!row || row->n_classes == 0)
        return OK;
    char digest[17];
    int status = class_names_digest(digest, d->class_names, d->n_classes);
    if (status != OK)
        return status;
    struct str differences = {0};
    append_difference(&differences, "classes", (size_t)d->n_classes, (size_t)row->n_classes);
    append_difference(&differences, "train", d->train.n, row->n_train);
    append_difference(&differences, "val", d->val.n, row->n_val);
    append_difference(&differences, "test", d->test.n, row->n_test);
    if (d->n_classes == row->n_classes && strcmp(digest, row->names_digest) != 0)
        str_appendf(&differences, "%sclass names of digest %s instead of %s", differences.len > 0 ? ", " : "",
                    digest, row->names_digest);
    status = str_status(&differences);
    if (differences.len > 0)
        str_appendf(out, "data set '%s' differs from the published split: %s", d->name,
                    str_text(&differences));
    str_free(&differences);
    return status == OK ? str_status(out) : status;
}

int dataset_check_files(const struct dataset *d, const struct item_list *list)
{
    struct str first_paths = {0};
    size_t n_missing = 0;
    for (size_t i = 0; i < list->n; i++) {
        char *path = path_join(d->image_dir, list->items[i].path);
        if (!path) {
            str_free(&first_paths);
            return ERR_MEMORY;
        }
        if (!file_exists(path) && n_missing++ < 3)
            str_appendf(&first_paths, "%s'%s'", n_missing > 1 ? ", " : "", path);
        free(path);
    }
    int status = OK;
    if (n_missing > 0)
        status = error_set(ERR_IO, "data set '%s': %zu of %zu images are missing in '%s', first: %s", d->name,
                           n_missing, list->n, d->image_dir, str_text(&first_paths));
    str_free(&first_paths);
    return status;
}
