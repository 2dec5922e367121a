/* Finding a set's folders and files below the data root, under the names that people give them. */
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/str.h"
#include "readers.h"

static char *join(const char *dir, const char *name)
{
    return strcmp(name, ".") == 0 ? str_dup(dir) : path_join(dir, name);
}

/* root/folder/image_folder; "." stands for the folder itself. */
static char *join_place(const char *root, const char *folder, const char *image_folder)
{
    char *outer = join(root, folder);
    char *inner = outer ? join(outer, image_folder) : NULL;
    free(outer);
    return inner;
}

char *place_official(const struct catalog_entry *entry, const char *root)
{
    return join_place(root, entry->folders[0], entry->image_folders[0]);
}

bool place_exists(const struct catalog_entry *entry, const char *root)
{
    bool found = false;
    for (size_t i = 0; !found && i < CATALOG_PLACES_MAX && entry->folders[i]; i++) {
        char *folder = join(root, entry->folders[i]);
        found = folder && file_is_dir(folder);
        free(folder);
    }
    return found;
}

/* The first of the set's folders that exists; NULL with an error if there is none. */
static char *find_folder(const struct catalog_entry *entry, const char *root)
{
    for (size_t i = 0; i < CATALOG_PLACES_MAX && entry->folders[i]; i++) {
        char *folder = join(root, entry->folders[i]);
        if (!folder || file_is_dir(folder))
            return folder;
        free(folder);
    }
    char *official = join(root, entry->folders[0]);
    struct str others = {0};
    for (size_t i = 1; i < CATALOG_PLACES_MAX && entry->folders[i]; i++)
        str_appendf(&others, "%s'%s'", i > 1 ? ", " : ", as are ", entry->folders[i]);
    if (official)
        error_set(ERR_IO, "the folder '%s' is missing%s", official, str_text(&others));
    str_free(&others);
    free(official);
    return NULL;
}

/* What to take if no place passes the test: the first that exists, but not a set's folder in place of its
 * image folder. */
struct search {
    place_test *test;
    const void *context;
    char *fallback;
};

/* `*out` becomes the image folder if the place is it; takes `place` over. */
static void try_place(char **out, struct search *search, char *place, bool may_fall_back)
{
    if (place && file_is_dir(place)) {
        if (search->test(place, search->context)) {
            *out = place;
            return;
        }
        if (may_fall_back && !search->fallback) {
            search->fallback = place;
            return;
        }
    }
    free(place);
}

int place_find_images(char **out, const struct catalog_entry *entry, const char *root, place_test *test,
                      const void *context)
{
    struct search search = {.test = test, .context = context};
    *out = NULL;
    for (size_t f = 0; !*out && f < CATALOG_PLACES_MAX && entry->folders[f]; f++)
        for (size_t i = 0; !*out && i < CATALOG_PLACES_MAX && entry->image_folders[i]; i++)
            try_place(out, &search, join_place(root, entry->folders[f], entry->image_folders[i]),
                      i == 0 || strcmp(entry->image_folders[i], ".") != 0);
    if (*out) {
        free(search.fallback);
        return OK;
    }
    *out = search.fallback;
    if (*out)
        return OK;
    char *folder = find_folder(entry, root);
    char *images = folder ? join(folder, entry->image_folders[0]) : NULL;
    if (images)
        error_set(ERR_IO, "the image folder '%s' is missing", images);
    free(images);
    free(folder);
    return ERR_IO;
}

int place_find_split(char **out, const struct catalog_entry *entry, const char *root)
{
    const char *places[CATALOG_PLACES_MAX + 2] = {0};
    size_t n = 0;
    for (; n < CATALOG_PLACES_MAX && entry->folders[n]; n++)
        places[n] = entry->folders[n];
    places[n++] = "data_splits";
    places[n++] = ".";
    for (size_t i = 0; i < n; i++) {
        *out = join_place(root, places[i], entry->split_file);
        if (!*out)
            return ERR_MEMORY;
        if (file_exists(*out))
            return OK;
        free(*out);
        *out = NULL;
    }
    char *folder = find_folder(entry, root);
    char *missing = folder ? path_join(folder, entry->split_file) : NULL;
    struct str looked_in = {0};
    for (size_t i = 0; i < n; i++)
        str_appendf(&looked_in, "%s'%s'", i > 0 ? ", " : "", places[i]);
    if (missing)
        error_set(ERR_IO, "the split file '%s' is missing; looked in %s of '%s'", missing,
                  str_text(&looked_in), root);
    str_free(&looked_in);
    free(missing);
    free(folder);
    return ERR_IO;
}
