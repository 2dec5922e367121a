/* A data set in memory, and its comparison with the published one. */
#include "prompt/data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/str.h"
#include "prompt/data/catalog.h"

struct str *dataset_note(struct dataset *d)
{
    if (d->layout.len > 0)
        str_append(&d->layout, "; ");
    return &d->layout;
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
    str_free(&d->layout);
    left_out_free(&d->left_out);
    free(d->names_file);
    str_free(&d->other_names);
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
    const struct catalog_entry *entry = catalog_get(d->name);
    if (!entry || entry->n_classes == 0 || d->is_synthetic)
        return OK;
    char digest[17];
    int status = class_names_digest(digest, d->class_names, d->n_classes);
    if (status != OK)
        return status;
    const bool lacks_train = entry->layout == LAYOUT_IMAGENET && d->train.n == 0;
    append_difference(out, "classes", (size_t)d->n_classes, (size_t)entry->n_classes);
    append_difference(out, "train", lacks_train ? entry->n_train : d->train.n, entry->n_train);
    append_difference(out, "val", d->val.n, entry->n_val);
    append_difference(out, "test", d->test.n, entry->n_test);
    if (d->other_names.len > 0)
        str_appendf(out, "%sclass names of '%s', the first: %s", out->len > 0 ? ", " : "", d->names_file,
                    str_text(&d->other_names));
    else if (d->n_classes == entry->n_classes && strcmp(digest, entry->names_digest) != 0)
        str_appendf(out, "%sclass names%s%s%s of digest %s instead of %s", out->len > 0 ? ", " : "",
                    d->names_file ? " in '" : "", d->names_file ? d->names_file : "",
                    d->names_file ? "'" : "", digest, entry->names_digest);
    return str_status(out);
}
