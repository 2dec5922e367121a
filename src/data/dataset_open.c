/* Opens a data set. Never writes into its tree. */
#include "prompt/data/dataset_open.h"

#include <stdlib.h>
#include <string.h>

#include "locate.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "prompt/data/catalog.h"
#include "reader.h"
#include "readers.h"
#include "walk.h"

/* ---------------------------------------------------------------- folders */

static bool is_given(const char *text)
{
    return text && text[0] != '\0';
}

/* Adds the download location to the error of a missing file. */
static int add_source(const struct catalog_entry *entry, int status)
{
    char *message = status == ERR_IO && entry->source ? str_dup(error_message()) : NULL;
    if (message)
        error_set(ERR_IO, "%s (%s)", message, entry->source);
    free(message);
    return status;
}

/* Whether any of the first images of the lists exists. */
static bool holds_listed(const char *image_dir, const void *context)
{
    const struct dataset *d = context;
    const struct item_list *const lists[] = {&d->train, &d->val, &d->test};
    bool found = false;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char *file = lists[i]->n > 0 ? item_file(image_dir, &lists[i]->items[0]) : NULL;
        found = found || (file && file_exists(file));
        free(file);
    }
    return found;
}

static bool is_there(const char *image_dir, const void *unused)
{
    (void)unused;
    return file_is_dir(image_dir);
}

/* Sets d->image_dir: as given, or below the root. */
static int find_images(struct dataset *d, const struct catalog_entry *entry, const char *root,
                       const struct dataset_options *o, locate_test *test)
{
    if (is_given(o->image_dir)) {
        d->image_dir = path_absolute(o->image_dir);
        if (d->image_dir && !file_is_dir(d->image_dir))
            return error_set(ERR_IO, "the image folder '%s' (data.image_dir) is missing", d->image_dir);
        return d->image_dir ? OK : ERR_MEMORY;
    }
    int status = locate_images(&d->image_dir, entry, root, test, d);
    char *official = status == OK ? locate_official(entry, root) : NULL;
    if (official && strcmp(official, d->image_dir) != 0)
        str_appendf(dataset_note(d), "images in '%s'", d->image_dir);
    free(official);
    return status;
}

/* ---------------------------------------------------------------- the layouts */

static int open_split(struct dataset *d, const struct catalog_entry *entry, const char *root,
                      const struct dataset_options *o)
{
    char *path = NULL;
    int status = OK;
    if (is_given(o->split_file))
        path = path_absolute(o->split_file);
    else
        status = locate_split(&path, entry, root);
    if (status == OK && (status = (path ? read_split(d, path) : ERR_MEMORY)) == OK &&
        (status = ((d->names_file = str_dup(path)) ? OK : ERR_MEMORY)) == OK)
        status = find_images(d, entry, root, o, holds_listed);
    const bool is_own = strcmp(entry->folders[0], ".") == 0;
    char *official = status != OK ? NULL : is_own ? str_dup(root) : path_join(root, entry->folders[0]);
    char *dir = official ? path_dir(path) : NULL;
    if (dir && strcmp(official, dir) != 0)
        str_appendf(dataset_note(d), "split file '%s'", path);
    free(dir);
    free(official);
    free(path);
    return status;
}

static int open_folder(struct dataset *d, const struct catalog_entry *entry, const char *root,
                       const struct dataset_options *o)
{
    int status = find_images(d, entry, root, o, is_there);
    if (status != OK)
        return status;
    return is_given(o->split_file) ? read_split(d, o->split_file) : read_folder(d, root, o->split_seed);
}

static int open_csv(struct dataset *d, const struct dataset_options *o)
{
    if (!is_given(o->split_file))
        return error_set(ERR_USAGE, "no list is given: set the key data.split_file to the CSV file");
    char *path = path_absolute(o->split_file);
    d->image_dir = is_given(o->image_dir) ? path_absolute(o->image_dir) : path ? path_dir(path) : NULL;
    int status = path && d->image_dir ? read_csv(d, path, o->split_seed) : ERR_MEMORY;
    free(path);
    return status;
}

/* A drawn world has a marker file. */
static int note_synthetic(struct dataset *d, const char *root)
{
    char *path = path_join(root, DATASET_SYNTHETIC);
    if (!path)
        return ERR_MEMORY;
    char *line = NULL;
    size_t n = 0;
    int status = OK;
    if (file_exists(path))
        status = file_read(&line, &n, path);
    if (line) {
        line[strcspn(line, "\r\n")] = '\0';
        d->is_synthetic = true;
        str_append(dataset_note(d), line);
    }
    free(line);
    free(path);
    return status;
}

static int open_layout(struct dataset *d, const struct location *location, const struct dataset_options *o)
{
    const struct catalog_entry *entry = &location->entry;
    const char *root = location->root;
    int status = OK;
    switch (entry->layout) {
    case LAYOUT_SPLIT:
        return open_split(d, entry, root, o);
    case LAYOUT_AIRCRAFT:
        status = find_images(d, entry, root, o, is_there);
        return status == OK ? read_aircraft(d) : status;
    case LAYOUT_IMAGENET:
        status = find_images(d, entry, root, o, imagenet_has_val);
        return status == OK ? read_imagenet(d, location->sets_root) : status;
    case LAYOUT_VARIANT:
        status = find_images(d, entry, root, o, variant_has_classes);
        return status == OK ? read_variant(d, location->sets_root) : status;
    case LAYOUT_FOLDER:
        return open_folder(d, entry, root, o);
    case LAYOUT_CSV:
        break; /* has no root */
    }
    return status;
}

/* Opens a set below the given root; notes how the root was interpreted. */
static int open_root(struct dataset *d, const struct catalog_entry *entry, const char *root,
                     const struct dataset_options *o)
{
    struct location location = {0};
    int status = dir_check(root);
    if (status == OK)
        status = location_open(&location, entry, root);
    if (status == OK && location.is_snapshot)
        str_appendf(dataset_note(d), "the snapshot '%s'", location.root);
    if (status == OK && location.is_own)
        str_append(dataset_note(d), "--data is the set's own folder");
    if (status == OK && (status = open_layout(d, &location, o)) == OK)
        status = note_synthetic(d, location.sets_root);
    location_close(&location);
    return status;
}

static bool takes_split_file(enum catalog_layout layout)
{
    return layout == LAYOUT_SPLIT || layout == LAYOUT_FOLDER || layout == LAYOUT_CSV;
}

/* Notes the images in sub-folders and the files left out. */
static void note_walk(struct dataset *d)
{
    const size_t n = d->train.n + d->val.n + d->test.n;
    if (d->n_nested > 0)
        str_appendf(dataset_note(d), "%zu of %zu %s in sub-folders of class folders", d->n_nested, n,
                    plural(n, "image", "images"));
    if (d->left_out.n > 0) {
        str_append(dataset_note(d), "left out: ");
        left_out_describe(&d->layout, &d->left_out);
    }
}

int dataset_open(struct dataset **out, const struct dataset_options *options)
{
    *out = NULL;
    const struct catalog_entry *entry = NULL;
    int status = catalog_find(&entry, options->name);
    if (status != OK)
        return status;
    char *root = path_absolute(options->root ? options->root : "");
    struct dataset *d = calloc(1, sizeof *d);
    if (!root || !d) {
        free(root);
        free(d);
        return error_out_of_memory();
    }
    d->name = entry->name;
    d->template = entry->template;
    if (entry->layout != LAYOUT_CSV && !file_is_dir(root))
        status = error_set(ERR_USAGE, "the data root '%s' is not a folder", root);
    else if (is_given(options->split_file) && !takes_split_file(entry->layout))
        status = error_set(ERR_USAGE, "data set '%s' has no split file: key data.split_file", entry->name);
    else if (add_source(entry, entry->layout == LAYOUT_CSV ? open_csv(d, options)
                                                           : open_root(d, entry, root, options)) != OK)
        status = error_context("data set '%s'", entry->name);
    if (status == OK) {
        note_walk(d);
        status = str_status(&d->layout);
    }
    free(root);
    if (status != OK) {
        dataset_free(d);
        return status;
    }
    *out = d;
    return OK;
}
