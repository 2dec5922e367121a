/* Looks for the images of a list, also where people's copies have them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/data/catalog.h"
#include "prompt/data/dataset.h"
#include "prompt/data/find_files.h"

/* The listing of the last folder, cached: missing images come folder by folder. */
struct listing {
    char *dir;
    struct str_list names;
};

static void listing_free(struct listing *listing)
{
    free(listing->dir);
    str_list_free(&listing->names);
    *listing = (struct listing){0};
}

/* An unreadable folder counts as empty. */
static void listing_open(struct listing *listing, const char *dir)
{
    if (listing->dir && strcmp(listing->dir, dir) == 0)
        return;
    listing_free(listing);
    listing->dir = str_dup(dir);
    if (dir_list(&listing->names, dir) != OK)
        error_clear();
}

/* Equal except for capitals and, if `is_folder`, underscores: Apply_Eye_Makeup equals ApplyEyeMakeup. */
static bool is_same_part(const char *a, const char *b, bool is_folder)
{
    for (;; a++, b++) {
        while (is_folder && *a == '_')
            a++;
        while (is_folder && *b == '_')
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (*a == '\0')
            return true;
    }
}

/* The first of the folder's names that equals `part` in this sense; NULL if there is none. */
static const char *find_part(struct listing *listing, const char *dir, const char *part, bool is_folder)
{
    listing_open(listing, dir);
    for (size_t i = 0; i < listing->names.n; i++)
        if (is_same_part(listing->names.items[i], part, is_folder))
            return listing->names.items[i];
    return NULL;
}

/* "a/b.jpg" becomes "a/a/b.jpg". NULL if that does not exist either. */
static char *find_nested(const char *image_dir, const char *path)
{
    const char *slash = strchr(path, '/');
    if (!slash)
        return NULL;
    char *nested = str_format("%.*s/%s", (int)(slash - path), path, path);
    char *file = nested ? path_join(image_dir, nested) : NULL;
    const bool found = file && file_exists(file);
    free(file);
    if (found)
        return nested;
    free(nested);
    return NULL;
}

/* The path with the capitals and underscores of the files on disk; NULL if there is none. */
static char *find_other_case(struct listing *listing, const char *image_dir, const char *path)
{
    struct str found = {0};
    char *dir = str_dup(image_dir);
    for (const char *at = path; dir && *at;) {
        const size_t n = strcspn(at, "/");
        char *part = str_dup_n(at, n);
        char *next = part ? path_join(dir, part) : NULL;
        if (next && !file_exists(next)) {
            const char *other = find_part(listing, dir, part, at[n] == '/');
            free(next);
            next = other ? path_join(dir, other) : NULL;
            str_append(&found, other ? other : "");
        } else {
            str_append_n(&found, at, n);
        }
        free(part);
        free(dir);
        dir = next;
        at += n;
        if (*at == '/')
            str_append_char(&found, *at++);
    }
    const bool is_found = dir && file_exists(dir) && str_status(&found) == OK;
    free(dir);
    if (is_found)
        return found.data;
    str_free(&found);
    return NULL;
}

/* ---------------------------------------------------------------- one file */

enum file_state { FILE_GOOD, FILE_EMPTY, FILE_SPECIAL, FILE_MISSING };

enum { POINTER_BYTES_MAX = 1024 }; /* git LFS's own limit */

static bool is_pointer(const char *file)
{
    static const char start[] = "version https://git-lfs";
    char text[sizeof start] = {0};
    FILE *stream = fopen(file, "rb");
    if (!stream)
        return false;
    const size_t n = fread(text, 1, sizeof start - 1, stream);
    fclose(stream);
    return n == sizeof start - 1 && strcmp(text, start) == 0;
}

/* Examines the file itself. */
static enum file_state look_at(enum missing_kind *kind, const char *file)
{
    struct stat info;
    *kind = MISSING_FILE;
    if (stat(file, &info) != 0) {
        if (errno == EACCES)
            *kind = MISSING_DENIED;
        else if (lstat(file, &info) == 0)
            *kind = MISSING_LINK;
        return FILE_MISSING;
    }
    if (access(file, R_OK) != 0 && errno == EACCES) {
        *kind = MISSING_DENIED;
        return FILE_MISSING;
    }
    if (!S_ISREG(info.st_mode))
        return FILE_SPECIAL;
    if (info.st_size == 0)
        return FILE_EMPTY;
    *kind = MISSING_POINTER;
    return info.st_size <= POINTER_BYTES_MAX && is_pointer(file) ? FILE_MISSING : FILE_GOOD;
}

bool dataset_has_file(const char *file)
{
    enum missing_kind kind = MISSING_FILE;
    return look_at(&kind, file) == FILE_GOOD;
}

/* ---------------------------------------------------------------- missing files */

enum { FOLDERS_MAX = 200 }; /* the rest is only counted */

/* The outermost folder of the path that does not exist; NULL if all do. */
static char *missing_folder(const char *image_dir, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        char *folder = str_dup_n(path, (size_t)(slash - path));
        char *dir = folder ? path_join(image_dir, folder) : NULL;
        const bool is_missing = dir && !file_exists(dir);
        free(dir);
        if (is_missing)
            return folder;
        free(folder);
    }
    return NULL;
}

static int count_folder(struct found_files *out, const char *image_dir, const char *path)
{
    char *folder = missing_folder(image_dir, path);
    if (!folder)
        return OK;
    int status = OK;
    out->n_in_folders++;
    if (out->folders.n < FOLDERS_MAX && !str_list_has(&out->folders, folder))
        status = str_list_add(&out->folders, folder);
    free(folder);
    return status;
}

static void add_file(struct missing_files *files, const char *file)
{
    if (files->n++ < 3)
        str_appendf(&files->first, "%s'%s'", files->n > 1 ? ", " : "", file);
}

static int count_missing(struct found_files *out, enum missing_kind kind, const char *image_dir,
                         const char *path, const char *file)
{
    struct missing_files *missing = &out->missing[kind];
    char target[4096];
    out->n_missing++;
    add_file(missing, file);
    if (kind == MISSING_LINK && missing->n == 1) {
        const ssize_t n = readlink(file, target, sizeof target);
        str_append_n(&out->link_target, target, n > 0 ? (size_t)n : 0);
    }
    return kind == MISSING_FILE ? count_folder(out, image_dir, path) : OK;
}

static int look_for(struct found_files *out, struct listing *listing, const char *image_dir,
                    struct item *item)
{
    char *file = item_file(image_dir, item);
    enum missing_kind kind = MISSING_FILE;
    if (!file)
        return ERR_MEMORY;
    enum file_state state = look_at(&kind, file);
    if (state == FILE_MISSING && kind == MISSING_FILE && !item->file) {
        item->file = find_nested(image_dir, item->path);
        if (!item->file)
            item->file = find_other_case(listing, image_dir, item->path);
        if (item->file) {
            out->n_moved++;
            free(file);
            file = item_file(image_dir, item);
            if (!file)
                return ERR_MEMORY;
            state = look_at(&kind, file);
        }
    }
    if (state == FILE_EMPTY)
        add_file(&out->empty, file);
    if (state == FILE_SPECIAL)
        add_file(&out->special, file);
    int status = state == FILE_MISSING ? count_missing(out, kind, image_dir, item->path, file) : OK;
    free(file);
    return status;
}

int dataset_look_for_files(struct found_files *found, const struct dataset *d, struct item_list *list)
{
    struct listing listing = {0};
    int status = OK;
    for (size_t i = 0; status == OK && i < list->n; i++)
        status = look_for(found, &listing, d->image_dir, &list->items[i]);
    found->n_images += list->n;
    listing_free(&listing);
    return status;
}

int dataset_find_files(const struct dataset *d, struct item_list *list)
{
    struct found_files found = {0};
    struct str text = {0};
    int status = dataset_look_for_files(&found, d, list);
    if (status == OK && found.n_missing > 0) {
        status = found_files_describe(&text, &found, d);
        if (status == OK)
            status = error_set(ERR_IO, "data set '%s': %s", d->name, str_text(&text));
    }
    str_free(&text);
    found_files_free(&found);
    return status;
}
