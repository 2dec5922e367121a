/* Looking for the images of a list, also where people's copies have them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/data/catalog.h"
#include "prompt/data/dataset.h"

/* The listing of the folder that was looked through last: missing images come folder by folder. */
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

/* A folder that cannot be read holds nothing. */
static void listing_open(struct listing *listing, const char *dir)
{
    if (listing->dir && strcmp(listing->dir, dir) == 0)
        return;
    listing_free(listing);
    listing->dir = str_dup(dir);
    if (dir_list(&listing->names, dir) != OK)
        error_clear();
}

/* The first of the folder's names that is `part` but for capitals; NULL if there is none. */
static const char *find_part(struct listing *listing, const char *dir, const char *part)
{
    listing_open(listing, dir);
    for (size_t i = 0; i < listing->names.n; i++)
        if (strcasecmp(listing->names.items[i], part) == 0)
            return listing->names.items[i];
    return NULL;
}

/* "a/b.jpg" becomes "a/a/b.jpg". NULL if that is not there either. */
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

/* The path with the capitals that the disk has. NULL if it is not there. */
static char *find_other_case(struct listing *listing, const char *image_dir, const char *path)
{
    struct str found = {0};
    char *dir = str_dup(image_dir);
    for (const char *at = path; dir && *at;) {
        const size_t n = strcspn(at, "/");
        char *part = str_dup_n(at, n);
        char *next = part ? path_join(dir, part) : NULL;
        if (next && !file_exists(next)) {
            const char *other = find_part(listing, dir, part);
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
    const bool is_found = dir && str_status(&found) == OK;
    free(dir);
    if (is_found)
        return found.data;
    str_free(&found);
    return NULL;
}

static void count_missing(struct found_files *out, const char *file)
{
    if (out->n_missing++ < 3)
        str_appendf(&out->first, "%s'%s'", out->n_missing > 1 ? ", " : "", file);
}

static int look_for(struct found_files *out, struct listing *listing, const char *image_dir,
                    struct item *item)
{
    char *file = item_file(image_dir, item);
    if (!file)
        return ERR_MEMORY;
    if (!item->file && !file_exists(file)) {
        item->file = find_nested(image_dir, item->path);
        if (!item->file)
            item->file = find_other_case(listing, image_dir, item->path);
        out->n_moved += item->file != NULL;
        if (!item->file)
            count_missing(out, file);
    } else if (item->file && !file_exists(file)) {
        count_missing(out, file);
    }
    free(file);
    return OK;
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

void found_files_free(struct found_files *found)
{
    str_free(&found->first);
    *found = (struct found_files){0};
}

/* If not one image is there, what stands in the folder tells why. */
static void append_cause(struct str *out, const struct found_files *found, const char *image_dir)
{
    struct str_list names = {0};
    if (found->n_missing < found->n_images)
        str_append(out, "was the archive downloaded or unpacked in part?");
    else if (dir_list(&names, image_dir) != OK)
        str_append(out, error_message());
    else if (names.n == 0)
        str_append(out, "the folder is empty");
    else
        str_appendf(out, "'%s' stands there instead: is it another archive, or a folder too many?",
                    names.items[0]);
    str_list_free(&names);
}

int found_files_describe(struct str *out, const struct found_files *found, const struct dataset *d)
{
    str_appendf(out, "%zu of %zu images are missing in '%s', first: %s; ", found->n_missing, found->n_images,
                d->image_dir, str_text(&found->first));
    append_cause(out, found, d->image_dir);
    const struct catalog_entry *entry = catalog_get(d->name);
    if (entry && entry->source)
        str_appendf(out, " (%s)", entry->source);
    return str_status(out);
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
