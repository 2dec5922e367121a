/* Finds a set's folders and files below the data root, under the names that people give them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "locate.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"

static char *join(const char *dir, const char *name)
{
    return strcmp(name, ".") == 0 ? str_dup(dir) : path_join(dir, name);
}

/* root/folder/image_folder; "." is the folder itself. */
static char *join_folders(const char *root, const char *folder, const char *image_folder)
{
    char *outer = join(root, folder);
    char *inner = outer ? join(outer, image_folder) : NULL;
    free(outer);
    return inner;
}

char *locate_official(const struct catalog_entry *entry, const char *root)
{
    return join_folders(root, entry->folders[0], entry->image_folders[0]);
}

bool location_exists(const struct catalog_entry *entry, const char *root)
{
    bool found = false;
    for (size_t i = 0; !found && i < CATALOG_FOLDERS_MAX && entry->folders[i]; i++) {
        char *folder = join(root, entry->folders[i]);
        found = folder && file_is_dir(folder);
        free(folder);
    }
    return found;
}

/* ---------------------------------------------------------------- the root */

/* The last part of a path. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (size_t i = 0; i < CATALOG_FOLDERS_MAX && names[i]; i++)
        if (strcmp(names[i], ".") != 0 && strcasecmp(name, name_of(names[i])) == 0)
            return true;
    return false;
}

/* Whether the folder is the set's own: it has the set's name or its lists. */
static bool is_set_folder(const struct catalog_entry *entry, const char *folder)
{
    const char *list = entry->split_file                  ? entry->split_file
                       : entry->layout == LAYOUT_AIRCRAFT ? "variants.txt"
                                                          : NULL;
    char *path = list ? path_join(folder, list) : NULL;
    const bool has_list = path && file_exists(path);
    free(path);
    return has_list || is_one_of(name_of(folder), entry->folders);
}

/* The snapshot of a hub's cache folder, datasets--OWNER--NAME/snapshots/COMMIT: the one that refs/main names,
 * else the only one. NULL if the folder is not such a cache. */
static int find_snapshot(char **out, const char *root)
{
    struct str_list commits = {0};
    char *snapshots = path_join(root, "snapshots"), *ref = path_join(root, "refs/main"), *commit = NULL;
    size_t n = 0;
    int status = snapshots && ref ? OK : ERR_MEMORY;
    *out = NULL;
    if (status == OK && file_is_dir(snapshots) && str_starts_with(name_of(root), "datasets--")) {
        status = dir_list_folders(&commits, snapshots);
        if (status == OK && file_exists(ref) && (status = file_read(&commit, &n, ref)) == OK)
            commit[strcspn(commit, "\r\n")] = '\0';
        const char *name = commit && str_list_has(&commits, commit) ? commit
                           : commits.n == 1                         ? commits.items[0]
                                                                    : NULL;
        if (status == OK && !name)
            status = error_set(ERR_USAGE, "'%s' holds %zu snapshots, expected one: name it by --data",
                               snapshots, commits.n);
        else if (status == OK)
            status = (*out = path_join(snapshots, name)) ? OK : ERR_MEMORY;
    }
    str_list_free(&commits);
    free(commit);
    free(ref);
    free(snapshots);
    return status;
}

/* Makes the set's own folder the root: the set's folder names become ".". */
static void take_own(struct location *location, char *folder)
{
    location->is_own = true;
    location->entry.folders[0] = ".";
    location->entry.folders[1] = NULL;
    if (folder != location->root)
        free(location->root);
    location->root = folder;
}

int location_open(struct location *out, const struct catalog_entry *entry, const char *root)
{
    *out = (struct location){.entry = *entry};
    size_t n = strlen(root);
    while (n > 1 && root[n - 1] == '/')
        n--;
    char *given = str_dup_n(root, n);
    int status = given ? find_snapshot(&out->root, given) : ERR_MEMORY;
    out->is_snapshot = out->root != NULL;
    if (out->root)
        free(given);
    else
        out->root = given;
    char *above = status == OK && out->root ? path_dir(out->root) : NULL;
    if (!above)
        return status == OK ? ERR_MEMORY : status;
    if (entry->group != CATALOG_OWN && !location_exists(entry, out->root)) {
        if (is_one_of(name_of(out->root), entry->image_folders) && is_set_folder(entry, above)) {
            take_own(out, above);
            above = NULL;
        } else if (is_set_folder(entry, out->root)) {
            take_own(out, out->root);
        }
    }
    free(above);
    out->sets_root = out->is_own ? path_dir(out->root) : str_dup(out->root);
    return out->sets_root ? OK : ERR_MEMORY;
}

void location_close(struct location *location)
{
    free(location->root);
    free(location->sets_root);
    *location = (struct location){0};
}

/* ---------------------------------------------------------------- folders and files */

/* The first of the set's folders that exists and is readable; NULL with an error if there is none. */
static char *find_folder(const struct catalog_entry *entry, const char *root)
{
    for (size_t i = 0; i < CATALOG_FOLDERS_MAX && entry->folders[i]; i++) {
        char *folder = join(root, entry->folders[i]);
        if (!folder)
            return NULL;
        const bool is_there = file_is_dir(folder);
        if (is_there && dir_check(folder) == OK)
            return folder;
        free(folder);
        if (is_there)
            return NULL;
    }
    char *official = join(root, entry->folders[0]);
    struct str others = {0};
    for (size_t i = 1; i < CATALOG_FOLDERS_MAX && entry->folders[i]; i++)
        str_appendf(&others, "%s'%s'", i > 1 ? ", " : ", as are ", entry->folders[i]);
    if (official)
        error_set(ERR_IO, "the folder '%s' is missing%s", official, str_text(&others));
    str_free(&others);
    free(official);
    return NULL;
}

/* The fallback if no folder passes: the first that exists, but not a set's folder for its image folder. */
struct search {
    locate_test *test;
    const void *context;
    char *fallback;
};

/* Sets `*out` if `folder` is the image folder; takes ownership of `folder`. */
static void try_folder(char **out, struct search *search, char *folder, bool may_fall_back)
{
    if (folder && file_is_dir(folder)) {
        if (search->test(folder, search->context)) {
            *out = folder;
            return;
        }
        if (may_fall_back && !search->fallback) {
            search->fallback = folder;
            return;
        }
    }
    free(folder);
}

int locate_images(char **out, const struct catalog_entry *entry, const char *root, locate_test *test,
                  const void *context)
{
    struct search search = {.test = test, .context = context};
    *out = NULL;
    for (size_t f = 0; !*out && f < CATALOG_FOLDERS_MAX && entry->folders[f]; f++)
        for (size_t i = 0; !*out && i < CATALOG_FOLDERS_MAX && entry->image_folders[i]; i++)
            try_folder(out, &search, join_folders(root, entry->folders[f], entry->image_folders[i]),
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

int locate_split(char **out, const struct catalog_entry *entry, const char *root)
{
    const char *places[CATALOG_FOLDERS_MAX + 2] = {0};
    size_t n = 0;
    for (; n < CATALOG_FOLDERS_MAX && entry->folders[n]; n++)
        places[n] = entry->folders[n];
    places[n++] = "data_splits";
    places[n++] = ".";
    for (size_t i = 0; i < n; i++) {
        *out = join_folders(root, places[i], entry->split_file);
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
        if (i == 0 || strcmp(places[i], places[0]) != 0)
            str_appendf(&looked_in, "%s'%s'", i > 0 ? ", " : "", places[i]);
    if (missing)
        error_set(ERR_IO, "the split file '%s' is missing; looked in %s of '%s'", missing,
                  str_text(&looked_in), root);
    str_free(&looked_in);
    free(missing);
    free(folder);
    return ERR_IO;
}
