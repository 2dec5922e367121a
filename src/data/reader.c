/* Shared by the readers: checks of untrusted paths and labels, the images of a folder, a split by class. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "groups.h"
#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/rng.h"
#include "prompt/base/str.h"
#include "prompt/data/dataset_open.h"
#include "reader.h"
#include "walk.h"

int reader_check_path(const char *path)
{
    if (path[0] == '\0')
        return error_set(ERR_FORMAT, "the path is empty");
    if (path[0] == '/')
        return error_set(ERR_FORMAT, "the path '%s' is absolute, expected one below the image folder", path);
    if (strchr(path, '\\'))
        return error_set(ERR_FORMAT, "the path '%s' has backslashes, expected '/' between folders and file",
                         path);
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (part[0] == '.' && part[1] == '.' && (part[2] == '/' || part[2] == '\0'))
            return error_set(ERR_FORMAT, "the path '%s' climbs out of the image folder", path);
    }
    return OK;
}

/* ---------------------------------------------------------------- class names */

int reader_alloc_names(struct dataset *d, size_t n)
{
    d->class_names = calloc(n > 0 ? n : 1, sizeof *d->class_names);
    return d->class_names ? OK : error_out_of_memory();
}

int reader_set_name(struct dataset *d, int64_t label, const char *name, int64_t n_labels)
{
    if (label >= n_labels)
        return error_set(ERR_FORMAT,
                         "label %" PRId64 " is not below %" PRId64 ": labels run from 0 without a gap", label,
                         n_labels);
    char **known = &d->class_names[label];
    if (!*known) {
        *known = str_dup(name);
        if (!*known)
            return ERR_MEMORY;
        if (label >= d->n_classes)
            d->n_classes = label + 1;
    }
    if (strcmp(*known, name) != 0)
        return error_set(ERR_FORMAT, "label %" PRId64 " is '%s' here and '%s' before", label, name, *known);
    return OK;
}

int reader_check_gaps(const struct dataset *d, const char *path, const char *where)
{
    for (int64_t label = 0; label < d->n_classes; label++)
        if (!d->class_names[label])
            return error_set(ERR_FORMAT, "%s: label %" PRId64 " has no image%s, but label %" PRId64 " has",
                             path, label, where, d->n_classes - 1);
    return OK;
}

/* ---------------------------------------------------------------- folders of images */

enum part reader_part_of(const char *word)
{
    static const struct {
        const char *word;
        enum part part;
    } words[] = {{"train", PART_TRAIN}, {"training", PART_TRAIN}, {"val", PART_VAL},
                 {"valid", PART_VAL},   {"validation", PART_VAL}, {"dev", PART_VAL},
                 {"test", PART_TEST},   {"testing", PART_TEST}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(word, words[i].word) == 0)
            return words[i].part;
    return PART_NONE;
}

int reader_find_parts(const char *parts[PART_NONE], const struct str_list *folders, const char *dir)
{
    for (int part = 0; part < PART_NONE; part++)
        parts[part] = NULL;
    for (size_t i = 0; i < folders->n; i++) {
        const enum part part = reader_part_of(folders->items[i]);
        if (part == PART_NONE)
            continue;
        if (parts[part])
            return error_set(ERR_FORMAT, "'%s' has both '%s' and '%s': rename the one that is not meant", dir,
                             parts[part], folders->items[i]);
        parts[part] = folders->items[i];
    }
    return OK;
}

/* Adds folder/name as an item whose published path is published/name. */
static int add_image(struct item_list *out, const char *folder, const char *published, const char *name,
                     int64_t label)
{
    char *file = path_join(folder, name);
    char *path = published ? path_join(published, name) : NULL;
    int status = !file || (published && !path) ? ERR_MEMORY : OK;
    if (status == OK)
        status = path ? item_list_add_item(out, &(struct item){.path = path, .file = file}, label)
                      : item_list_add(out, file, label);
    free(path);
    free(file);
    return status;
}

static int no_images(const char *dir, const struct left_out *left)
{
    struct str text = {0};
    left_out_describe(&text, left);
    int status = error_set(ERR_FORMAT, "the class folder '%s' holds no images%s%s", dir,
                           text.len > 0 ? ", but " : "", str_text(&text));
    str_free(&text);
    return status;
}

int reader_add_folder(struct item_list *out, struct dataset *d, const char *folder, const char *published,
                      int64_t label)
{
    struct str_list names = {0};
    struct left_out left = {0};
    char *dir = path_join(d->image_dir, folder);
    int status = dir ? walk_images(&names, &left, dir) : ERR_MEMORY;
    if (status == OK && names.n == 0)
        status = no_images(dir, &left);
    for (size_t i = 0; status == OK && i < names.n; i++) {
        d->n_nested += strchr(names.items[i], '/') != NULL;
        status = add_image(out, folder, published, names.items[i], label);
    }
    for (size_t i = 0; status == OK && i < left.n; i++)
        status = left_out_add(&d->left_out, left.kinds[i].what, left.kinds[i].n);
    left_out_free(&left);
    str_list_free(&names);
    free(dir);
    return status;
}

int reader_count_loose(struct dataset *d, const char *dir)
{
    static const char *const used[] = {DATASET_SYNTHETIC, "classnames.txt"};
    struct str_list names = {0};
    int status = dir_list(&names, dir);
    for (size_t i = 0; status == OK && i < names.n; i++) {
        char *path = path_join(dir, names.items[i]);
        bool counts = path && !file_is_dir(path);
        for (size_t k = 0; k < sizeof used / sizeof used[0]; k++)
            counts = counts && strcmp(names.items[i], used[k]) != 0;
        if (!path)
            status = ERR_MEMORY;
        else if (counts)
            status = !file_exists(path)              ? left_out_add(&d->left_out, LEFT_LINK, 1)
                     : walk_is_image(names.items[i]) ? left_out_add(&d->left_out, LEFT_LOOSE, 1)
                                                     : left_out_count_file(&d->left_out, names.items[i]);
        free(path);
    }
    str_list_free(&names);
    return status;
}

/* ---------------------------------------------------------------- a split by class */

/* Assigns each image of the list to a part. */
static int assign_parts(unsigned char *parts, const struct dataset *d, const struct item_groups *g,
                        uint64_t seed)
{
    for (int64_t label = 0; label < d->n_classes; label++) {
        size_t *members = g->members + g->start[label];
        const size_t n = g->start[label + 1] - g->start[label];
        const size_t n_train = (n + 1) / 2;
        const size_t n_val = n / 5;
        if (n < 2)
            return error_set(ERR_FORMAT, "class '%s' has %zu %s, too few for a train and a test list",
                             d->class_names[label], n, plural(n, "image", "images"));
        struct rng rng;
        rng_init(&rng, seed, RNG_SPLIT, 0, (uint64_t)label);
        rng_shuffle(&rng, members, n);
        for (size_t i = 0; i < n; i++)
            parts[members[i]] = i < n_train ? PART_TRAIN : i < n_train + n_val ? PART_VAL : PART_TEST;
    }
    return OK;
}

int reader_split_by_class(struct dataset *d, uint64_t seed)
{
    struct item_list all = d->train;
    struct item_groups groups = {0};
    struct item_list *const lists[] = {
        [PART_TRAIN] = &d->train, [PART_VAL] = &d->val, [PART_TEST] = &d->test};
    d->train = (struct item_list){0};
    unsigned char *parts = calloc(all.n + 1, sizeof *parts);
    int status = parts ? item_groups_init(&groups, &all, d->n_classes) : error_out_of_memory();
    if (status == OK)
        status = assign_parts(parts, d, &groups, seed);
    for (size_t i = 0; status == OK && i < all.n; i++)
        status = item_list_add_item(lists[parts[i]], &all.items[i], all.items[i].label);
    item_groups_free(&groups);
    free(parts);
    item_list_free(&all);
    return status;
}
