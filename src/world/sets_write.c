/* Writes data sets in the layouts of the real ones. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "picture.h"
#include "prompt/base/file.h"
#include "prompt/base/json_write.h"
#include "prompt/base/path.h"
#include "sets.h"

enum { WORLD_VERSION = 3 }; /* of the pictures; raise it when they change */

/* One set being written. */
struct writer {
    const struct world_set *set;
    const struct world_options *options;
    char *folder, *image_folder;
    uint8_t *rgb; /* [px, px, 3] */
    struct set_class classes[MAX_CLASSES];
    int n_classes;
    int64_t number;            /* pictures so far */
    struct str lists[N_PARTS]; /* of the layout's files */
    struct str names;          /* of the file of class names */
};

/* ---------------------------------------------------------------- pictures */

/* Writes `path` below the image folder. Pictures are PNG whatever their name: readers go by the first bytes,
 * and lossless pixels are the same on every machine. */
static int write_picture(struct writer *w, const struct set_item *item, const char *path)
{
    char *full = path_join(w->image_folder, path);
    char *dir = full ? path_dir(full) : NULL;
    int status = OK;
    if ((status = (dir ? file_make_dirs(dir) : ERR_MEMORY)) == OK &&
        (status = set_item_draw(w->rgb, w->set, item, w->options)) == OK)
        status = picture_write(full, w->rgb, w->options->px, w->options->px, file_write);
    free(dir);
    free(full);
    return status;
}

/* Adds the picture to the layout's lists. */
static void list_picture(struct writer *w, const struct set_item *item, const char *path, const char *name)
{
    struct str *list = &w->lists[item->part];
    if (w->set->layout == SET_SPLIT) {
        str_append(list, list->len > 0 ? ",\n    " : "    ");
        json_open(list, NULL, '[');
        json_put_string(list, NULL, path);
        json_put_i64(list, NULL, item->class->label);
        json_put_string(list, NULL, name);
        json_close(list, ']');
    } else if (w->set->layout == SET_AIRCRAFT) {
        str_appendf(list, "%.*s %s\n", (int)strcspn(path, "."), path, name);
    }
}

static int64_t part_size(const struct writer *w, enum set_part part)
{
    const int64_t n = w->options->n_per_class;
    if (w->set->layout == SET_VARIANT)
        return part == PART_TEST ? n : 0;
    if (part == PART_VAL)
        return w->set->layout == SET_IMAGENET ? 0 : (n + 3) / 4;
    return n;
}

static int write_class(struct writer *w, const struct set_class *class)
{
    struct str name = {0};
    struct str path = {0};
    int status = set_class_name(&name, w->set, class);
    struct set_item item = {.class = class};
    for (int part = 0; part < N_PARTS; part++) {
        item.part = (enum set_part)part;
        for (int64_t i = 0; status == OK && i < part_size(w, item.part); i++) {
            item.number = w->number++;
            status = set_item_path(&path, w->set, &item);
            if (status == OK)
                status = write_picture(w, &item, str_text(&path));
            list_picture(w, &item, str_text(&path), str_text(&name));
            item.n++;
        }
    }
    if (status == OK)
        status = set_class_id(&path, class);
    if (w->set->layout == SET_AIRCRAFT)
        str_appendf(&w->names, "%s\n", str_text(&name));
    else /* a line of classnames.txt */
        str_appendf(&w->names, "%s %s\n", str_text(&path), str_text(&name));
    str_free(&path);
    str_free(&name);
    return status;
}

/* ---------------------------------------------------------------- lists */

static int write_text(const struct writer *w, const char *name, const struct str *text)
{
    int status = str_status(text);
    char *path = status == OK ? path_join(w->folder, name) : NULL;
    if (path)
        status = file_write(path, str_text(text), text->len);
    else if (status == OK)
        status = ERR_MEMORY;
    free(path);
    return status;
}

static int write_split(const struct writer *w)
{
    struct str text = {0};
    for (int part = 0; part < N_PARTS; part++)
        str_appendf(&text, "%s\"%s\": [\n%s\n  ]", part > 0 ? ",\n  " : "{\n  ", set_part_names[part],
                    str_text(&w->lists[part]));
    str_append(&text, "\n}\n");
    int status = write_text(w, w->set->split_file, &text);
    str_free(&text);
    return status;
}

static int write_aircraft_lists(const struct writer *w)
{
    int status = write_text(w, "variants.txt", &w->names);
    for (int part = 0; status == OK && part < N_PARTS; part++) {
        char *name = str_format("images_variant_%s.txt", set_part_names[part]);
        status = name ? write_text(w, name, &w->lists[part]) : ERR_MEMORY;
        free(name);
    }
    return status;
}

static int write_lists(const struct writer *w)
{
    switch (w->set->layout) {
    case SET_SPLIT:
        return write_split(w);
    case SET_AIRCRAFT:
        return write_aircraft_lists(w);
    case SET_IMAGENET:
    case SET_VARIANT:
        return write_text(w, "classnames.txt", &w->names);
    case SET_FOLDER:
        break;
    }
    return OK;
}

/* ---------------------------------------------------------------- a set */

static int write_set(const char *root, const struct world_set *set, const struct world_options *options)
{
    struct writer w = {.set = set, .options = options};
    w.n_classes = set_classes(w.classes, set, options->kind);
    w.folder = path_join(root, set->folder);
    w.image_folder = w.folder ? path_join(w.folder, set->image_folder) : NULL;
    w.rgb = malloc((size_t)options->px * (size_t)options->px * 3);
    int status = w.image_folder && w.rgb ? OK : error_out_of_memory();
    for (int i = 0; status == OK && i < w.n_classes; i++)
        status = write_class(&w, &w.classes[i]);
    if (status == OK)
        status = write_lists(&w);
    for (int part = 0; part < N_PARTS; part++)
        str_free(&w.lists[part]);
    str_free(&w.names);
    free(w.rgb);
    free(w.image_folder);
    free(w.folder);
    return status;
}

static int write_marker(const char *root, const struct world_options *options)
{
    char *path = path_join(root, WORLD_MARKER);
    char *text = str_format(
        "synthetic world, version %d, %s, seed %" PRIu64 ", %" PRId64 " px, %" PRId64 " a class\n",
        WORLD_VERSION, world_kind_names[options->kind], options->seed, options->px, options->n_per_class);
    int status = path && text ? file_write(path, text, strlen(text)) : ERR_MEMORY;
    free(text);
    free(path);
    return status;
}

static int write_sets(const char *root, const bool *wanted, const struct world_options *options,
                      bool (*stop)(void))
{
    int status = file_make_dirs(root);
    for (size_t i = 0; status == OK && i < world_n_sets(); i++) {
        if (stop && stop())
            status = error_set(ERR_INTERRUPTED, "interrupted; nothing was kept");
        else if (wanted[i])
            status = write_set(root, &world_sets[i], options);
    }
    return status == OK ? write_marker(root, options) : status;
}

/* ---------------------------------------------------------------- the world */

/* OK if `dir` does not exist or may be replaced. */
static int check_place(const char *dir, bool replace)
{
    if (!file_exists(dir))
        return OK;
    if (!replace)
        return error_set(ERR_USAGE, "'%s' exists; --force replaces a world of an earlier run", dir);
    char *marker = path_join(dir, WORLD_MARKER);
    if (!marker)
        return ERR_MEMORY;
    int status =
        file_exists(marker)
            ? OK
            : error_set(ERR_USAGE, "'%s' is not a world (it holds no file %s), so it is not replaced", dir,
                        WORLD_MARKER);
    free(marker);
    return status;
}

/* Moves the finished folder into place, then removes the old one. */
static int move_in(const char *dir, const char *finished, const char *away)
{
    if (file_exists(dir) && !file_rename(dir, away))
        return error_set(ERR_IO, "cannot move '%s' away: %s", dir, strerror(errno));
    if (!file_rename(finished, dir))
        return error_set(ERR_IO, "cannot rename '%s' to '%s': %s", finished, dir, strerror(errno));
    return file_remove_tree(away);
}

static int check_wanted(const bool *wanted, const struct world_options *options)
{
    bool has_folder = false;
    size_t n = 0;
    for (size_t i = 0; i < world_n_sets(); i++) {
        n += wanted[i];
        has_folder = has_folder || (wanted[i] && world_sets[i].layout == SET_FOLDER);
    }
    if (n == 0 || (has_folder && n > 1))
        return error_set(ERR_USAGE, "%s",
                         n == 0 ? "no data set is selected"
                                : "plain folders cannot be combined with other sets");
    if (options->px < WORLD_PX_MIN || options->px > WORLD_PX_MAX)
        return error_set(ERR_USAGE, "pictures have %d to %d pixels a side", WORLD_PX_MIN, WORLD_PX_MAX);
    return OK;
}

int world_write(const char *dir, const bool *wanted, const struct world_options *options, bool replace,
                bool (*stop)(void))
{
    int status = check_wanted(wanted, options);
    if (status == OK)
        status = check_place(dir, replace);
    if (status != OK)
        return status;
    char *path = path_absolute(dir);
    char *partial = path ? str_format("%s.partial.%ld", path, (long)getpid()) : NULL;
    char *old = path ? str_format("%s.old.%ld", path, (long)getpid()) : NULL;
    status = partial && old ? write_sets(partial, wanted, options, stop) : ERR_MEMORY;
    if (status == OK)
        status = move_in(path, partial, old);
    else if (partial)
        (void)file_remove_tree(partial);
    free(old);
    free(partial);
    free(path);
    return status;
}
