/*
 * ImageNet: train/ and val/ with one folder per id. The label is the id's rank among all ids, so every folder
 * must exist: a missing one would shift the labels after it. val/ is the test list.
 */
#include <stdlib.h>
#include <string.h>

#include "imagenet_classes.h"
#include "prompt/base/dir.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "read_flat.h"
#include "reader.h"
#include "readers.h"

/* ---------------------------------------------------------------- one folder per id */

static int check_ids(const struct str_list *folders, const struct imagenet_classes *classes)
{
    size_t idx = 0;
    for (size_t i = 0; i < folders->n; i++)
        if (!imagenet_classes_find(&idx, classes, folders->items[i]))
            return error_set(ERR_FORMAT, "the folder '%s' is not an id of %s", folders->items[i],
                             classes->path ? classes->path : "ImageNet's 1000 classes");
    for (size_t i = 0; folders->n != classes->n && i < classes->n; i++)
        if (!str_list_find(&idx, folders, classes->classes[i].id))
            return imagenet_class_is_missing(classes, i, folders->n);
    return OK;
}

/* The published name of a part is `part`; its folder's name may differ. */
static int read_folders(struct item_list *out, struct dataset *d, const char *part, const char *part_folder,
                        const struct str_list *folders, const struct imagenet_classes *classes)
{
    char *dir = path_join(d->image_dir, part_folder);
    int status = dir ? OK : ERR_MEMORY;
    if (status == OK && check_ids(folders, classes) != OK)
        status = error_context("'%s'", dir);
    if (status == OK)
        status = reader_count_loose(d, dir);
    for (size_t i = 0; status == OK && i < folders->n; i++) {
        char *folder = path_join(part_folder, folders->items[i]);
        char *published = path_join(part, folders->items[i]);
        status = folder && published ? reader_add_folder(out, d, folder, published, (int64_t)i) : ERR_MEMORY;
        free(published);
        free(folder);
    }
    free(dir);
    return status;
}

/* ---------------------------------------------------------------- the set */

static int read_part(struct dataset *d, const char *part, const char *part_folder,
                     const struct imagenet_classes *classes)
{
    const bool is_train = strcmp(part, "train") == 0;
    struct item_list *list = is_train ? &d->train : &d->test;
    struct str_list folders = {0};
    bool has_ids = false;
    char *dir = path_join(d->image_dir, part_folder ? part_folder : part);
    int status = dir ? OK : ERR_MEMORY;
    if (status == OK && is_train && !part_folder) {
        str_appendf(dataset_note(d), "no '%s': for evaluation only", dir);
        free(dir);
        return OK;
    }
    if (status == OK)
        status = dir_list_folders(&folders, dir);
    if (status == OK && folders.n == 0)
        status = flat_has_ids(&has_ids, dir);
    if (status == OK && has_ids)
        status = read_flat_by_name(list, d, part, part_folder, classes);
    else if (status == OK && folders.n == 0 && !is_train)
        status = read_flat_val(d, part_folder, classes);
    else if (status == OK)
        status = read_folders(list, d, part, part_folder, &folders, classes);
    str_list_free(&folders);
    free(dir);
    return status;
}

static int read_parts(struct dataset *d, const struct imagenet_classes *classes)
{
    struct str_list folders = {0};
    const char *parts[PART_NONE];
    int status = OK;
    if ((status = dir_list_folders(&folders, d->image_dir)) == OK &&
        (status = reader_find_parts(parts, &folders, d->image_dir)) == OK)
        status = read_part(d, "train", parts[PART_TRAIN], classes);
    if (status == OK && !parts[PART_VAL])
        status = error_set(ERR_IO, "the folder '%s/val' is missing", d->image_dir);
    if (status == OK)
        status = read_part(d, "val", parts[PART_VAL], classes);
    str_list_free(&folders);
    return status;
}

bool imagenet_has_val(const char *image_dir, const void *unused)
{
    (void)unused;
    struct str_list folders = {0};
    bool found = false;
    if (dir_list_folders(&folders, image_dir) != OK)
        error_clear();
    for (size_t i = 0; i < folders.n; i++)
        found = found || reader_part_of(folders.items[i]) == PART_VAL;
    str_list_free(&folders);
    return found;
}

int read_imagenet(struct dataset *d, const char *root)
{
    struct imagenet_classes classes = {0};
    int status = OK;
    if ((status = imagenet_classes_open(&classes, d->image_dir, root)) == OK &&
        (status = imagenet_classes_note(d, &classes)) == OK)
        status = reader_alloc_names(d, classes.n);
    for (size_t i = 0; status == OK && i < classes.n; i++)
        status = reader_set_name(d, (int64_t)i, classes.classes[i].name, (int64_t)classes.n);
    if (status == OK)
        status = read_parts(d, &classes);
    imagenet_classes_close(&classes);
    return status;
}
