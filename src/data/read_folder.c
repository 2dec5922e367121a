/* A user's own images: one folder for each class, in train/, val/ and test/ or without parts. */
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/str.h"
#include "readers.h"

static int set_names(struct dataset *d, const struct str_list *folders, const char *dir)
{
    if (folders->n == 0)
        return error_set(ERR_FORMAT, "'%s' holds no class folders", dir);
    int status = reader_alloc_names(d, folders->n);
    for (size_t i = 0; status == OK && i < folders->n; i++)
        status = reader_set_name(d, (int64_t)i, folders->items[i], (int64_t)folders->n);
    return status;
}

/* The images of the class folders in `part` ("." for the image folder itself). */
static int add_classes(struct item_list *out, const struct dataset *d, const char *part,
                       const struct str_list *folders, const struct str_list *classes)
{
    for (size_t i = 0; i < folders->n; i++) {
        size_t label = 0;
        if (!str_list_find(&label, classes, folders->items[i]))
            return error_set(ERR_FORMAT, "'%s/%s' has a class folder '%s', which train/ has not",
                             d->image_dir, part, folders->items[i]);
        const bool has_parts = strcmp(part, ".") != 0;
        char *folder = has_parts ? path_join(part, folders->items[i]) : str_dup(folders->items[i]);
        int status = folder ? reader_add_folder(out, d, folder, (int64_t)label) : ERR_MEMORY;
        free(folder);
        if (status != OK)
            return status;
    }
    return OK;
}

static int read_part(struct item_list *out, const struct dataset *d, const char *part,
                     const struct str_list *classes)
{
    struct str_list folders = {0};
    char *dir = path_join(d->image_dir, part);
    int status = dir ? dir_list_folders(&folders, dir) : ERR_MEMORY;
    if (status == OK)
        status = add_classes(out, d, part, &folders, classes);
    str_list_free(&folders);
    free(dir);
    return status;
}

static bool has_folder(const struct dataset *d, const char *name)
{
    char *path = path_join(d->image_dir, name);
    const bool found = path && file_is_dir(path);
    free(path);
    return found;
}

/* train/ gives the classes. Without test/, val/ is tested on, as ImageNet's is. */
static int read_parts(struct dataset *d, const struct str_list *classes)
{
    const bool has_val = has_folder(d, "val");
    const bool has_test = has_folder(d, "test");
    if (!has_val && !has_test)
        return error_set(ERR_FORMAT, "'%s' has train/ but neither test/ nor val/", d->image_dir);
    int status = read_part(&d->train, d, "train", classes);
    if (status == OK && has_test)
        status = read_part(&d->test, d, "test", classes);
    if (status == OK && has_val)
        status = read_part(has_test ? &d->val : &d->test, d, "val", classes);
    if (status == OK && !has_test)
        str_append(dataset_note(d), "val/ is tested on, as there is no test/");
    return status;
}

int read_folder(struct dataset *d, uint64_t seed)
{
    struct str_list classes = {0};
    const bool has_parts = has_folder(d, "train");
    char *dir = has_parts ? path_join(d->image_dir, "train") : str_dup(d->image_dir);
    int status = dir ? dir_list_folders(&classes, dir) : ERR_MEMORY;
    if (status == OK)
        status = set_names(d, &classes, dir);
    if (status == OK && has_parts)
        status = read_parts(d, &classes);
    else if (status == OK) {
        status = add_classes(&d->train, d, ".", &classes, &classes);
        if (status == OK)
            status = reader_split_by_class(d, seed);
    }
    str_list_free(&classes);
    free(dir);
    return status;
}
