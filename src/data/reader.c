/* What several readers need: checks of untrusted paths and labels, the images of a folder, a split by class.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "groups.h"
#include "prompt/base/rng.h"
#include "prompt/base/str.h"
#include "readers.h"

int reader_check_path(const char *path)
{
    if (path[0] == '\0')
        return error_set(ERR_FORMAT, "the path is empty");
    if (path[0] == '/')
        return error_set(ERR_FORMAT, "the path '%s' is absolute, expected one below the image folder", path);
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

/* Names of images, those too that cannot be decoded: better an error about WebP than half a class. */
static bool is_image_name(const char *name)
{
    static const char *const endings[] = {"jpg",  "jpeg", "png",  "bmp",  "gif",
                                          "webp", "tif",  "tiff", "avif", "heic"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(dot + 1, endings[i]) == 0)
            return true;
    return false;
}

int reader_add_folder(struct item_list *out, const struct dataset *d, const char *folder, int64_t label)
{
    struct str_list names = {0};
    const size_t n_before = out->n;
    char *dir = path_join(d->image_dir, folder);
    int status = dir ? dir_list(&names, dir) : ERR_MEMORY;
    for (size_t i = 0; status == OK && i < names.n; i++) {
        if (!is_image_name(names.items[i]))
            continue;
        char *path = path_join(folder, names.items[i]);
        status = path ? item_list_add(out, path, label) : ERR_MEMORY;
        free(path);
    }
    if (status == OK && out->n == n_before)
        status = error_set(ERR_FORMAT, "the class folder '%s' holds no images", dir);
    str_list_free(&names);
    free(dir);
    return status;
}

/* ---------------------------------------------------------------- a split by class */

enum part { PART_TRAIN, PART_VAL, PART_TEST };

/* Which part each image of the list goes to. */
static int assign_parts(unsigned char *parts, const struct dataset *d, const struct item_groups *g,
                        uint64_t seed)
{
    for (int64_t label = 0; label < d->n_classes; label++) {
        size_t *members = g->members + g->start[label];
        const size_t n = g->start[label + 1] - g->start[label];
        const size_t n_train = (n + 1) / 2;
        const size_t n_val = n / 5;
        if (n < 2)
            return error_set(ERR_FORMAT, "class '%s' has %zu image, too few for a train and a test list",
                             d->class_names[label], n);
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
