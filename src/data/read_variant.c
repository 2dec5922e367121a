/*
 * The variants of ImageNet: folders named by ids, possibly fewer than 1,000 (ImageNet-A, ImageNet-R), or by
 * decimal label numbers (ImageNetV2), which are not in bytewise order. The label is the id's rank among those
 * present; all images are the test list.
 *
 * A missing folder would make a different task with fewer classes: there must be as many as published, or all
 * that the set's classnames.txt names.
 */
#include <stdlib.h>
#include <string.h>

#include "imagenet_classes.h"
#include "prompt/base/dir.h"
#include "prompt/base/str.h"
#include "prompt/data/catalog.h"
#include "reader.h"
#include "readers.h"
#include "walk.h"

static bool is_number(const char *name)
{
    return name[strspn(name, "0123456789")] == '\0';
}

bool variant_has_classes(const char *image_dir, const void *unused)
{
    (void)unused;
    bool found = false;
    struct str_list folders = {0};
    if (dir_list_folders(&folders, image_dir) != OK)
        error_clear();
    for (size_t i = 0; i < folders.n; i++)
        found = found || imagenet_is_id(folders.items[i]) || is_number(folders.items[i]);
    str_list_free(&folders);
    return found;
}

/* The class of a folder; `*is_class` becomes false if the name is neither an id nor a number. */
static int find_class(size_t *class_idx, bool *is_class, const struct imagenet_classes *classes,
                      const char *folder)
{
    int64_t number = 0;
    *is_class = true;
    if (imagenet_is_id(folder)) {
        if (!imagenet_classes_find(class_idx, classes, folder))
            return error_set(ERR_FORMAT, "the folder '%s' is not an id of %s", folder,
                             classes->path ? classes->path : "ImageNet's 1000 classes");
        return OK;
    }
    *is_class = is_number(folder);
    if (!*is_class)
        return OK;
    if (str_parse_i64(&number, folder) != OK || number >= (int64_t)classes->n)
        return error_set(ERR_FORMAT, "the folder '%s' is not a label below %zu", folder, classes->n);
    *class_idx = (size_t)number;
    return OK;
}

/* folder_of[class] becomes the folder's name, borrowed, or stays NULL. */
static int match_folders(const char **folder_of, size_t *n_found, struct left_out *left,
                         const struct str_list *folders, const struct imagenet_classes *classes)
{
    for (size_t i = 0; i < folders->n; i++) {
        size_t class_idx = 0;
        bool is_class = false;
        int status = find_class(&class_idx, &is_class, classes, folders->items[i]);
        if (status == OK && !is_class)
            status = left_out_add(left, LEFT_FOLDER, 1);
        if (status != OK)
            return status;
        if (!is_class)
            continue;
        if (folder_of[class_idx])
            return error_set(ERR_FORMAT, "the folders '%s' and '%s' are the same class", folder_of[class_idx],
                             folders->items[i]);
        folder_of[class_idx] = folders->items[i];
        ++*n_found;
    }
    return OK;
}

static int check_count(const char *const *folder_of, size_t n_found, const struct imagenet_classes *classes,
                       size_t n_published)
{
    if (n_found == 0)
        return error_set(ERR_FORMAT, "it holds no class folders (ids such as n01440764, or label numbers)");
    if (n_found == n_published || (classes->path && n_found == classes->n))
        return OK;
    if (classes->n > n_published) /* it is unknown which of them were published */
        return error_set(ERR_IO, "%zu class %s there, expected %zu", n_found,
                         plural(n_found, "folder is", "folders are"), n_published);
    size_t first = 0;
    while (folder_of[first])
        first++;
    return imagenet_class_is_missing(classes, first, n_found);
}

static int read_classes(struct dataset *d, const char *const *folder_of,
                        const struct imagenet_classes *classes)
{
    int status = reader_alloc_names(d, classes->n);
    for (size_t i = 0; status == OK && i < classes->n; i++) {
        if (!folder_of[i])
            continue;
        const int64_t label = d->n_classes;
        status = reader_set_name(d, label, classes->classes[i].name, (int64_t)classes->n);
        if (status == OK)
            status = reader_add_folder(&d->test, d, folder_of[i], NULL, label);
    }
    return status;
}

int read_variant(struct dataset *d, const char *root)
{
    const size_t n_published = (size_t)catalog_get(d->name)->n_classes;
    struct imagenet_classes classes = {0};
    struct str_list folders = {0};
    const char **folder_of = NULL;
    size_t n_found = 0;
    int status = OK;
    if ((status = imagenet_classes_open(&classes, d->image_dir, root)) == OK &&
        (status = imagenet_classes_note(d, &classes)) == OK)
        status = dir_list_folders(&folders, d->image_dir);
    if (status == OK) {
        folder_of = calloc(classes.n, sizeof *folder_of);
        status = folder_of ? OK : error_out_of_memory();
    }
    if (status == OK && (match_folders(folder_of, &n_found, &d->left_out, &folders, &classes) != OK ||
                         check_count(folder_of, n_found, &classes, n_published) != OK))
        status = error_context("'%s'", d->image_dir);
    if (status == OK && (status = reader_count_loose(d, d->image_dir)) == OK)
        status = read_classes(d, folder_of, &classes);
    free(folder_of);
    str_list_free(&folders);
    imagenet_classes_close(&classes);
    return status;
}
