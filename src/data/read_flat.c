/*
 * ImageNet's images without class folders. Names may contain the ids, as in Hugging Face's archives
 * (ILSVRC2012_val_00000293_n01440764.JPEG). A freshly unpacked val/ holds 50,000 files without ids. It is
 * accepted with a list of ids beside it: Kaggle's LOC_val_solution.csv ("ILSVRC2012_val_00048981,n03995372 85
 * 1 499 272") or the mv lines of the widespread valprep.sh ("mv ILSVRC2012_val_00000293.JPEG n01440764/").
 * ILSVRC's own ground truth file numbers the classes differently and is not used. The items' paths are those
 * of class folders.
 */
#include <stdlib.h>
#include <string.h>

#include "imagenet_classes.h"
#include "prompt/base/array.h"
#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/lines.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "read_flat.h"
#include "reader.h"
#include "walk.h"

/* ---------------------------------------------------------------- a list of ids */

/* An image of a flat val/ and its label; sorted by label, then name: the order of class folders. */
struct flat_image {
    char *stem; /* borrowed from the list's text, "ILSVRC2012_val_00000293" */
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

/* Finds stem and id in a line of either list; false if it has none. */
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

static int add_flat(struct item_list *out, const char *folder, const struct imagenet_classes *classes,
                    const struct flat_image *image)
{
    char *path = str_format("val/%s/%s.JPEG", classes->classes[image->label].id, image->stem);
    char *file = str_format("%s/%s.JPEG", folder, image->stem);
    int status = path && file ? item_list_add_item(out, &(struct item){.path = path, .file = file},
                                                   (int64_t)image->label)
                              : ERR_MEMORY;
    free(path);
    free(file);
    return status;
}

static int read_flat_list(struct item_list *out, const char *folder, const struct imagenet_classes *classes,
                          const char *path)
{
    struct lines lines = {0};
    struct flat_image *images = NULL;
    size_t n = 0;
    int status = lines_open(&lines, path);
    for (char *line = NULL; status == OK && (line = lines_next(&lines));) {
        struct flat_image image;
        if (!parse_flat(&image, classes, line))
            continue;
        status = array_grow(&images, n, sizeof *images);
        if (status == OK)
            images[n++] = image;
    }
    if (status == OK && n == 0)
        status = error_set(ERR_FORMAT, "%s: no line with a validation image and a known id", path);
    if (status == OK)
        qsort(images, n, sizeof *images, compare_flat);
    for (size_t i = 0; status == OK && i < n; i++)
        status = add_flat(out, folder, classes, &images[i]);
    free(images);
    lines_close(&lines);
    return status;
}

/* In val/, beside it, or up to three folders above: Kaggle's list is above ILSVRC/Data/CLS-LOC. */
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

int read_flat_val(struct dataset *d, const char *folder, const struct imagenet_classes *classes)
{
    char *list = NULL;
    char *dir = path_join(d->image_dir, folder);
    int status = dir ? find_flat_list(&list, dir) : ERR_MEMORY;
    if (status == OK)
        status = read_flat_list(&d->test, folder, classes, list);
    if (status == OK)
        str_appendf(dataset_note(d), "validation images without class folders, labels from '%s'", list);
    free(list);
    free(dir);
    return status;
}

/* ---------------------------------------------------------------- ids in the names */

/* The id of "ILSVRC2012_val_00000293_n01440764.JPEG", or of "n01440764_10026.JPEG"; false if there is none.
 * `stem` becomes the length of the published name before its ending: the first kind has the id added. */
static bool find_id(char id[10], size_t *stem, const char *name)
{
    const char *dot = strrchr(name, '.');
    *stem = dot ? (size_t)(dot - name) : strlen(name);
    const bool is_after = *stem > 10 && name[*stem - 10] == '_';
    if (is_after) {
        memcpy(id, name + *stem - 9, 9);
        id[9] = '\0';
        if (imagenet_is_id(id)) {
            *stem -= 10;
            return true;
        }
    }
    if (*stem < 10 || name[9] != '_')
        return false;
    memcpy(id, name, 9);
    id[9] = '\0';
    return imagenet_is_id(id);
}

int flat_has_ids(bool *out, const char *dir)
{
    struct str_list names = {0};
    char id[10];
    size_t stem = 0;
    int status = dir_list(&names, dir);
    *out = false;
    for (size_t i = 0; i < names.n && !*out; i++)
        *out = walk_is_image(names.items[i]) && find_id(id, &stem, names.items[i]);
    str_list_free(&names);
    return status;
}

static int add_by_name(struct item_list *out, const char *name, const char *part, const char *folder,
                       const struct imagenet_classes *classes)
{
    char id[10];
    size_t stem = 0, label = 0;
    if (!find_id(id, &stem, name) || !imagenet_classes_find(&label, classes, id))
        return error_set(ERR_FORMAT, "the name of '%s/%s' has no id of %s, but other names there do", folder,
                         name, classes->path ? classes->path : "ImageNet's 1000 classes");
    const char *ending = strrchr(name, '.');
    char *path = str_format("%s/%s/%.*s%s", part, id, (int)stem, name, ending ? ending : "");
    char *file = path_join(folder, name);
    int status = path && file
                     ? item_list_add_item(out, &(struct item){.path = path, .file = file}, (int64_t)label)
                     : ERR_MEMORY;
    free(path);
    free(file);
    return status;
}

int read_flat_by_name(struct item_list *out, struct dataset *d, const char *part, const char *folder,
                      const struct imagenet_classes *classes)
{
    struct str_list names = {0};
    char *dir = path_join(d->image_dir, folder);
    int status = dir ? dir_list(&names, dir) : ERR_MEMORY;
    for (size_t i = 0; status == OK && i < names.n; i++)
        status = walk_is_image(names.items[i]) ? add_by_name(out, names.items[i], part, folder, classes)
                                               : left_out_count_file(&d->left_out, names.items[i]);
    if (status == OK)
        item_list_sort(out);
    if (status == OK)
        str_appendf(dataset_note(d),
                    "images of %s/ without class folders, labels from the ids in their names", part);
    str_list_free(&names);
    free(dir);
    return status;
}
