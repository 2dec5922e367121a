/* Describes which images of a list are missing, and why. */
#include <stdlib.h>
#include <string.h>

#include "prompt/base/dir.h"
#include "prompt/data/catalog.h"
#include "prompt/data/dataset.h"
#include "prompt/data/find_files.h"

void found_files_free(struct found_files *found)
{
    for (int kind = 0; kind < N_MISSING_KINDS; kind++)
        str_free(&found->missing[kind].first);
    str_free(&found->empty.first);
    str_free(&found->special.first);
    str_list_free(&found->folders);
    str_free(&found->link_target);
    *found = (struct found_files){0};
}

enum { FOLDERS_SHOWN = 3 };

/* "the folder 'cars_test' is missing" */
static void append_folders(struct str *out, const struct found_files *found)
{
    const size_t n = found->folders.n;
    str_append(out, n == 1 ? "the folder " : "the folders ");
    for (size_t i = 0; i < n && i < FOLDERS_SHOWN; i++)
        str_appendf(out, "%s'%s'", i > 0 ? ", " : "", found->folders.items[i]);
    if (n > FOLDERS_SHOWN)
        str_append(out, " and others");
    str_append(out, n == 1 ? " is missing" : " are missing");
}

/* If no image at all exists, the contents of the folder tell why. */
static void append_cause(struct str *out, const struct found_files *found, const char *image_dir)
{
    struct str_list names = {0};
    const bool is_all = found->n_missing == found->n_images;
    const bool in_folders_alone = found->n_in_folders == found->missing[MISSING_FILE].n;
    if (found->folders.n > 0 && in_folders_alone != is_all) {
        append_folders(out, found);
        str_append(out, is_all ? ", and the others lack their images" : "");
    } else if (!is_all)
        str_append(out, "was the archive downloaded or unpacked in part?");
    else if (dir_list(&names, image_dir) != OK)
        str_append(out, error_message());
    else if (names.n == 0)
        str_append(out, "the folder is empty");
    else
        str_appendf(out, "it holds '%s' instead: is it another archive, or is there a folder too many?",
                    names.items[0]);
    str_list_free(&names);
}

static void append_links(struct str *out, const struct found_files *found)
{
    const char *target = str_text(&found->link_target);
    if (strstr(target, ".git/annex/"))
        str_append(out,
                   "git-annex has not fetched their content: run 'git annex get' or 'datalad get' there");
    else
        str_appendf(out, "the first leads to '%s'", target);
}

/* One kind of missing images. */
static void append_kind(struct str *out, enum missing_kind kind, const struct found_files *found,
                        const struct dataset *d)
{
    static const struct {
        const char *one, *many;
    } words[N_MISSING_KINDS] = {
        [MISSING_FILE] = {"is missing", "are missing"},
        [MISSING_LINK] = {"is a link that leads nowhere", "are links that lead nowhere"},
        [MISSING_POINTER] = {"is a git LFS pointer, not an image,", "are git LFS pointers, not images,"},
        [MISSING_DENIED] = {"cannot be read (permission denied)", "cannot be read (permission denied)"},
    };
    const struct missing_files *missing = &found->missing[kind];
    str_appendf(out, "%zu of %zu %s %s in '%s', first: %s", missing->n, found->n_images,
                plural(found->n_images, "image", "images"),
                plural(missing->n, words[kind].one, words[kind].many), d->image_dir,
                str_text(&missing->first));
    if (kind == MISSING_FILE || kind == MISSING_LINK)
        str_append(out, "; ");
    if (kind == MISSING_FILE)
        append_cause(out, found, d->image_dir);
    else if (kind == MISSING_LINK)
        append_links(out, found);
    else if (kind == MISSING_POINTER)
        str_append(out, "; run 'git lfs pull' there");
}

int found_files_describe(struct str *out, const struct found_files *found, const struct dataset *d)
{
    const struct catalog_entry *entry = catalog_get(d->name);
    const char *between = "";
    for (int kind = 0; kind < N_MISSING_KINDS; kind++) {
        if (found->missing[kind].n == 0)
            continue;
        str_append(out, between);
        append_kind(out, (enum missing_kind)kind, found, d);
        between = "; ";
    }
    if (entry && entry->source && found->missing[MISSING_FILE].n > 0)
        str_appendf(out, " (%s)", entry->source);
    return str_status(out);
}
