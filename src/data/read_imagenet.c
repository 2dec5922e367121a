/*
 * ImageNet: train/ and val/ with a folder for each id. The label is the id's rank among all ids, so each
 * folder must be there: one that is missing would shift the labels behind it. val/ is the test list.
 *
 * A val/ as it is unpacked holds 50,000 files and no folder. It is taken if a list of their ids lies beside
 * it: Kaggle's LOC_val_solution.csv ("ILSVRC2012_val_00048981,n03995372 85 1 499 272") or the mv lines of the
 * widespread valprep.sh ("mv ILSVRC2012_val_00000293.JPEG n01440764/"). ILSVRC's own ground truth file
 * numbers the classes otherwise and is not used.
 */
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/lines.h"
#include "prompt/base/str.h"
#include "readers.h"

/* ---------------------------------------------------------------- a folder for each id */

static int check_ids(const struct str_list *folders, const struct imagenet_classes *classes)
{
    size_t idx = 0;
    for (size_t i = 0; i < folders->n; i++)
        if (!imagenet_classes_find(&idx, classes, folders->items[i]))
            return error_set(ERR_FORMAT, "the folder '%s' is no id of %s", folders->items[i],
                             classes->path ? classes->path : "ImageNet's 1000 classes");
    for (size_t i = 0; folders->n != classes->n && i < classes->n; i++)
        if (!str_list_find(&idx, folders, classes->classes[i].id))
            return imagenet_class_is_missing(classes, i, folders->n);
    return OK;
}

static int read_folders(struct item_list *out, const struct dataset *d, const char *part,
                        const struct str_list *folders, const struct imagenet_classes *classes)
{
    char *dir = path_join(d->image_dir, part);
    int status = dir ? OK : ERR_MEMORY;
    if (status == OK && check_ids(folders, classes) != OK)
        status = error_context("'%s'", dir);
    for (size_t i = 0; status == OK && i < folders->n; i++) {
        char *folder = path_join(part, folders->items[i]);
        status = folder ? reader_add_folder(out, d, folder, (int64_t)i) : ERR_MEMORY;
        free(folder);
    }
    free(dir);
    return status;
}

/* ---------------------------------------------------------------- a flat val/ */

/* An image of a flat val/ and its label; sorted by label, then name, which is the order of the folders. */
struct flat_image {
    char *stem; /* "ILSVRC2012_val_00000293", in the list's text */
    size_t label;
};

static int compare_flat(const void *a, const void *b)
{
    const struct flat_image *x = a;
    const struct flat_image *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return strcmp(x->stem, y->stem);
}

/* Takes stem and id out of a line of either list; false if it has none. */
static bool parse_flat(struct flat_image *out, const struct imagenet_classes *classes, char *line)
{
    static const char stem_start[] = "ILSVRC2012_val_";
    char *stem = strstr(line, stem_start);
    if (!stem)
        return false;
    char *id = stem + sizeof stem_start - 1;
    id += strspn(id, "0123456789");
    char *stem_end = id;
    while (*id && !(id[0] == 'n' && strspn(id + 1, "0123456789") == 8))
        id++;
    if (!*id || stem_end == id)
        return false;
    *stem_end = '\0';
    id[9] = '\0';
    out->stem = stem;
    return imagenet_classes_find(&out->label, classes, id);
}

static int add_flat(struct item_list *out, const struct imagenet_classes *classes,
                    const struct flat_image *image)
{
    char *path = str_format("val/%s/%s.JPEG", classes->classes[image->label].id, image->stem);
    char *file = str_format("val/%s.JPEG", image->stem);
    int status = path && file ? item_list_add_item(out, &(struct item){.path = path, .file = file},
                                                   (int64_t)image->label)
                              : ERR_MEMORY;
    free(path);
    free(file);
    return status;
}

static int read_flat_list(struct item_list *out, const struct imagenet_classes *classes, const char *path)
{
    struct lines lines = {0};
    struct flat_image *images = NULL;
    size_t n = 0;
    int status = lines_open(&lines, path);
    for (char *line = NULL; status == OK && (line = lines_next(&lines));) {
        struct flat_image image;
        if (!parse_flat(&image, classes, line))
            continue;
        struct flat_image *grown = n & (n - 1) ? images : realloc(images, (n ? 2 * n : 1) * sizeof *images);
        if (!grown) {
            status = error_out_of_memory();
            break;
        }
        images = grown;
        images[n++] = image;
    }
    if (status == OK && n == 0)
        status = error_set(ERR_FORMAT, "%s: no line with a validation image and a known id", path);
    if (status == OK)
        qsort(images, n, sizeof *images, compare_flat);
    for (size_t i = 0; status == OK && i < n; i++)
        status = add_flat(out, classes, &images[i]);
    free(images);
    lines_close(&lines);
    return status;
}

/* In val/, beside it, or up to three folders above: Kaggle's list lies above ILSVRC/Data/CLS-LOC. */
static int find_flat_list(char **out, const char *val_dir)
{
    static const char *const names[] = {"LOC_val_solution.csv", "valprep.sh"};
    *out = NULL;
    char *dir = str_dup(val_dir);
    for (int level = 0; dir && level < 5; level++) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            *out = path_join(dir, names[i]);
            if (!*out || file_exists(*out)) {
                free(dir);
                return *out ? OK : ERR_MEMORY;
            }
            free(*out);
            *out = NULL;
        }
        char *above = path_dir(dir);
        free(dir);
        dir = above;
    }
    free(dir);
    return error_set(
        ERR_FORMAT,
        "'%s' holds no class folders: sort its images with valprep.sh, or put valprep.sh or Kaggle's "
        "LOC_val_solution.csv beside it",
        val_dir);
}

static int read_flat_val(struct dataset *d, const struct imagenet_classes *classes, const char *val_dir)
{
    char *list = NULL;
    int status = find_flat_list(&list, val_dir);
    if (status == OK)
        status = read_flat_list(&d->test, classes, list);
    if (status == OK)
        str_appendf(dataset_note(d), "validation images without class folders, labels from '%s'", list);
    free(list);
    return status;
}

/* ---------------------------------------------------------------- the set */

static int read_part(struct dataset *d, const char *part, const struct imagenet_classes *classes)
{
    const bool is_train = strcmp(part, "train") == 0;
    struct str_list folders = {0};
    char *dir = path_join(d->image_dir, part);
    int status = dir ? OK : ERR_MEMORY;
    if (status == OK && is_train && !file_is_dir(dir)) {
        str_appendf(dataset_note(d), "no '%s': for evaluation only", dir);
        free(dir);
        return OK;
    }
    if (status == OK)
        status = dir_list_folders(&folders, dir);
    if (status == OK)
        status = folders.n == 0 && !is_train
                     ? read_flat_val(d, classes, dir)
                     : read_folders(is_train ? &d->train : &d->test, d, part, &folders, classes);
    str_list_free(&folders);
    free(dir);
    return status;
}

int read_imagenet(struct dataset *d, const char *root)
{
    struct imagenet_classes classes = {0};
    int status = imagenet_classes_open(&classes, d->image_dir, root);
    if (status == OK)
        status = reader_alloc_names(d, classes.n);
    for (size_t i = 0; status == OK && i < classes.n; i++)
        status = reader_set_name(d, (int64_t)i, classes.classes[i].name, (int64_t)classes.n);
    if (status == OK)
        status = read_part(d, "train", &classes);
    if (status == OK)
        status = read_part(d, "val", &classes);
    imagenet_classes_close(&classes);
    return status;
}
