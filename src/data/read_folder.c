/*
 * A user's own images: one folder per class, in train/, val/ and test/ or without these parts. Class folders
 * named by ImageNet's ids get ImageNet's class names.
 */
#include <stdlib.h>
#include <string.h>

#include "imagenet_classes.h"
#include "prompt/base/csv.h"
#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "reader.h"
#include "readers.h"
#include "walk.h"

/* ---------------------------------------------------------------- class names */

/* The name of an id in Tiny-ImageNet's words.txt, with lines "n02124075<tab>Egyptian cat, another word": the
 * first word. Empty if there is none. */
static int find_word(struct str *out, const char *words, const char *id)
{
    str_clear(out);
    for (const char *line = words; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const size_t n = strlen(id);
        if (strncmp(line, id, n) != 0 || line[n] != '\t')
            continue;
        str_append_n(out, line + n + 1, strcspn(line + n + 1, ",\r\n"));
        break;
    }
    return str_status(out);
}

/* words.txt beside the parts; NULL if there is none. */
static int read_words(char **out, const struct dataset *d)
{
    size_t n = 0;
    char *path = path_join(d->image_dir, "words.txt");
    int status = path ? OK : ERR_MEMORY;
    *out = NULL;
    if (status == OK && file_exists(path))
        status = file_read(out, &n, path);
    free(path);
    return status;
}

static size_t count_ids(const struct str_list *folders)
{
    size_t n = 0;
    for (size_t i = 0; i < folders->n; i++)
        n += imagenet_is_id(folders->items[i]);
    return n;
}

static int set_id_names(struct dataset *d, const struct str_list *folders, const char *root)
{
    struct imagenet_classes classes = {0};
    struct str word = {0};
    char *words = NULL;
    size_t n_known = 0;
    int status = imagenet_classes_open(&classes, d->image_dir, root);
    if (status == OK)
        status = read_words(&words, d);
    for (size_t i = 0; status == OK && i < folders->n; i++) {
        size_t idx = 0;
        const char *name = folders->items[i];
        if (imagenet_classes_find(&idx, &classes, name)) {
            name = classes.classes[idx].name;
            n_known++;
        } else if (words && imagenet_is_id(name)) {
            status = find_word(&word, words, name);
            n_known += word.len > 0;
            name = word.len > 0 ? str_text(&word) : name;
        }
        if (status == OK)
            status = reader_set_name(d, (int64_t)i, name, (int64_t)folders->n);
    }
    if (status == OK)
        str_appendf(dataset_note(d),
                    "%zu of %zu class folders are ImageNet's ids, their class names from %s%s%s%s", n_known,
                    folders->n, classes.path ? "'" : "", classes.path ? classes.path : "the built-in table",
                    classes.path ? "'" : "", words ? " and words.txt" : "");
    str_free(&word);
    free(words);
    imagenet_classes_close(&classes);
    return status;
}

static int set_names(struct dataset *d, const struct str_list *folders, const char *dir, const char *root)
{
    if (folders->n == 0)
        return error_set(ERR_FORMAT, "'%s' holds no class folders", dir);
    int status = reader_alloc_names(d, folders->n);
    if (status == OK && count_ids(folders) > 0)
        return set_id_names(d, folders, root);
    for (size_t i = 0; status == OK && i < folders->n; i++)
        status = reader_set_name(d, (int64_t)i, folders->items[i], (int64_t)folders->n);
    return status;
}

/* ---------------------------------------------------------------- class folders */

/* The images of the class folders in `part` ("." for the image folder itself). */
static int add_classes(struct item_list *out, struct dataset *d, const char *part,
                       const struct str_list *folders, const struct str_list *classes)
{
    for (size_t i = 0; i < folders->n; i++) {
        size_t label = 0;
        if (!str_list_find(&label, classes, folders->items[i]))
            return error_set(ERR_FORMAT, "'%s/%s' has a class folder '%s', which train/ has not",
                             d->image_dir, part, folders->items[i]);
        const bool has_parts = strcmp(part, ".") != 0;
        char *folder = has_parts ? path_join(part, folders->items[i]) : str_dup(folders->items[i]);
        int status = folder ? reader_add_folder(out, d, folder, NULL, (int64_t)label) : ERR_MEMORY;
        free(folder);
        if (status != OK)
            return status;
    }
    return OK;
}

/* The number of images in the folder itself. */
static int count_images(size_t *out, const char *dir)
{
    struct str_list names = {0};
    int status = dir_list(&names, dir);
    *out = 0;
    for (size_t i = 0; i < names.n; i++)
        *out += walk_is_image(names.items[i]);
    str_list_free(&names);
    return status;
}

/* The only class folder holds folders instead of images: it, or a folder in it, was probably meant. */
static int refuse_single(const struct dataset *d, const struct str_list *folders)
{
    size_t n_images = 0;
    struct str_list inner = {0};
    char *dir = folders->n == 1 ? path_join(d->image_dir, folders->items[0]) : NULL;
    int status = dir ? count_images(&n_images, dir) : folders->n == 1 ? ERR_MEMORY : OK;
    if (status == OK && dir && n_images == 0 && (status = dir_list_folders(&inner, dir)) == OK && inner.n > 0)
        status = error_set(
            ERR_FORMAT, "'%s' has one folder, '%s', which holds folders but no images: is --data %s meant?",
            d->image_dir, folders->items[0], dir);
    str_list_free(&inner);
    free(dir);
    return status;
}

static int read_classes(struct dataset *d, const struct str_list *folders, const char *root, uint64_t seed)
{
    int status = OK;
    if ((status = refuse_single(d, folders)) == OK &&
        (status = set_names(d, folders, d->image_dir, root)) == OK &&
        (status = reader_count_loose(d, d->image_dir)) == OK)
        status = add_classes(&d->train, d, ".", folders, folders);
    return status == OK ? reader_split_by_class(d, seed) : status;
}

/* ---------------------------------------------------------------- a part by annotations */

static int read_annotations(struct item_list *out, const char *part, const char *path,
                            const struct str_list *classes)
{
    struct csv csv = {0};
    int status = csv_open(&csv, path);
    while (status == OK && (status = csv_next(&csv)) == OK && csv.n > 0) {
        size_t label = 0;
        if (csv.n < 2 || !str_list_find(&label, classes, csv.cells[1]))
            status = error_set(ERR_FORMAT,
                               "%s:%zu: expected an image and the name of a folder of train/, found '%s'",
                               path, csv.line, csv.cells[csv.n < 2 ? 0 : 1]);
        char *image = status == OK ? str_format("%s/images/%s", part, csv.cells[0]) : NULL;
        if (image && (status = reader_check_path(image)) == OK)
            status = item_list_add(out, image, (int64_t)label);
        else if (status == OK)
            status = ERR_MEMORY;
        free(image);
    }
    if (status == OK && out->n == 0)
        status = error_set(ERR_FORMAT, "%s: no line with an image and its class", path);
    if (status == OK)
        item_list_sort(out);
    csv_close(&csv);
    return status;
}

/* Tiny-ImageNet: val/images/ and val/val_annotations.txt. `*out` is NULL if the part has none. */
static int find_annotations(char **out, const struct dataset *d, const char *part)
{
    char *path = str_format("%s/%s/val_annotations.txt", d->image_dir, part);
    *out = NULL;
    if (!path)
        return ERR_MEMORY;
    if (file_exists(path))
        *out = path;
    else
        free(path);
    return OK;
}

/* ---------------------------------------------------------------- parts */

/* A part without class folders has no labels: the test/ of a competition. */
static bool is_unlabelled(const struct str_list *folders)
{
    return folders->n == 0 || (folders->n == 1 && strcmp(folders->items[0], "images") == 0);
}

static int leave_out(struct dataset *d, const char *part, const char *dir)
{
    struct str_list images = {0};
    struct left_out others = {0};
    int status = walk_images(&images, &others, dir);
    if (status == OK)
        str_appendf(dataset_note(d), "'%s' has no class folders: its %zu %s left out", part, images.n,
                    plural(images.n, "image is", "images are"));
    left_out_free(&others);
    str_list_free(&images);
    return status;
}

static int read_part(struct item_list *out, struct dataset *d, const char *part,
                     const struct str_list *classes)
{
    struct str_list folders = {0};
    char *annotations = NULL;
    char *dir = path_join(d->image_dir, part);
    int status = dir ? dir_list_folders(&folders, dir) : ERR_MEMORY;
    if (status == OK)
        status = find_annotations(&annotations, d, part);
    if (status == OK && annotations) {
        status = read_annotations(out, part, annotations, classes);
        str_appendf(dataset_note(d), "labels of '%s' from val_annotations.txt", part);
    } else if (status == OK && is_unlabelled(&folders) && !str_list_has(classes, "images")) {
        status = leave_out(d, part, dir);
    } else if (status == OK) {
        status = reader_count_loose(d, dir);
        if (status == OK)
            status = add_classes(out, d, part, &folders, classes);
    }
    str_list_free(&folders);
    free(annotations);
    free(dir);
    return status;
}

/* Folders beside the parts. */
static void note_others(struct dataset *d, const struct str_list *folders)
{
    bool has_others = false;
    for (size_t i = 0; i < folders->n; i++) {
        if (reader_part_of(folders->items[i]) != PART_NONE)
            continue;
        str_appendf(has_others ? &d->layout : dataset_note(d), "%s'%s'",
                    has_others ? ", " : "left out beside the parts: ", folders->items[i]);
        has_others = true;
    }
}

/* train/ defines the classes. Without test/ the test list is val/, as for ImageNet. */
static int read_parts(struct dataset *d, const char *const parts[PART_NONE], const char *root)
{
    struct str_list classes = {0};
    char *dir = path_join(d->image_dir, parts[PART_TRAIN]);
    int status = OK;
    if ((status = (dir ? dir_list_folders(&classes, dir) : ERR_MEMORY)) == OK &&
        (status = set_names(d, &classes, dir, root)) == OK &&
        (status = reader_count_loose(d, d->image_dir)) == OK)
        status = read_part(&d->train, d, parts[PART_TRAIN], &classes);
    if (status == OK && parts[PART_TEST])
        status = read_part(&d->test, d, parts[PART_TEST], &classes);
    const bool has_test = d->test.n > 0;
    if (status == OK && parts[PART_VAL])
        status = read_part(has_test ? &d->val : &d->test, d, parts[PART_VAL], &classes);
    if (status == OK && d->test.n == 0)
        status = error_set(ERR_FORMAT, "'%s' has '%s', but no images of its classes to test on", d->image_dir,
                           parts[PART_TRAIN]);
    if (status == OK && !has_test)
        str_appendf(dataset_note(d), "tests on %s/, as there is no test/", parts[PART_VAL]);
    str_list_free(&classes);
    free(dir);
    return status;
}

/* Whether train/ is a part. It may also be a class (of vehicles) that holds images itself. */
static int train_is_part(bool *out, const struct dataset *d, const char *const parts[PART_NONE])
{
    size_t n_images = 0;
    *out = true;
    if (parts[PART_VAL] || parts[PART_TEST])
        return OK;
    char *dir = path_join(d->image_dir, parts[PART_TRAIN]);
    int status = dir ? count_images(&n_images, dir) : ERR_MEMORY;
    free(dir);
    *out = n_images == 0;
    if (status == OK && *out)
        return error_set(ERR_FORMAT, "'%s' has %s/ but neither test/ nor val/", d->image_dir,
                         parts[PART_TRAIN]);
    return status;
}

static int read_image_folder(struct dataset *d, const struct str_list *folders, const char *root,
                             uint64_t seed)
{
    const char *parts[PART_NONE];
    bool has_parts = false;
    int status = reader_find_parts(parts, folders, d->image_dir);
    if (status == OK && parts[PART_TRAIN])
        status = train_is_part(&has_parts, d, parts);
    if (status != OK)
        return status;
    const size_t n_parts = (size_t)((parts[PART_VAL] != NULL) + (parts[PART_TEST] != NULL));
    if (!parts[PART_TRAIN] && n_parts > 0 && n_parts == folders->n)
        return error_set(ERR_FORMAT, "'%s' has %s/ but no train/", d->image_dir, folders->items[0]);
    if (!has_parts)
        return read_classes(d, folders, root, seed);
    note_others(d, folders);
    return read_parts(d, parts, root);
}

int read_folder(struct dataset *d, const char *root, uint64_t seed)
{
    struct str_list folders = {0};
    int status = dir_list_folders(&folders, d->image_dir);
    if (status == OK)
        status = read_image_folder(d, &folders, root, seed);
    str_list_free(&folders);
    return status;
}
