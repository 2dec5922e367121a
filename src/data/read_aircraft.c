/*
 * FGVCAircraft's own lists: variants.txt, one name a line in label order, and
 * images_variant_{train,val,test}.txt with lines "1025794 707-320". The variant is the text after the first
 * space; it may contain spaces and slashes.
 */
#include <stdlib.h>
#include <string.h>

#include "prompt/base/lines.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "reader.h"
#include "readers.h"

static int read_variants(struct dataset *d, const char *path)
{
    struct lines lines = {0};
    struct str_list names = {0};
    int status = lines_open(&lines, path);
    for (char *line = NULL; status == OK && (line = lines_next(&lines));)
        status = str_list_add(&names, line);
    lines_close(&lines);
    if (status == OK && names.n == 0)
        status = error_set(ERR_FORMAT, "%s: no variant, expected one a line", path);
    if (status != OK) {
        str_list_free(&names);
        return status;
    }
    d->class_names = names.items;
    d->n_classes = (int64_t)names.n;
    return OK;
}

static int find_variant(int64_t *label, const struct dataset *d, const char *name)
{
    for (*label = 0; *label < d->n_classes; (*label)++)
        if (strcmp(d->class_names[*label], name) == 0)
            return OK;
    return error_set(ERR_FORMAT, "the variant '%s' is not in variants.txt", name);
}

/* "1025794 707-320" becomes the item 1025794.jpg of the variant's label. */
static int add_line(struct item_list *out, const struct dataset *d, char *line)
{
    int64_t label = 0;
    char *space = strchr(line, ' ');
    if (!space)
        return error_set(ERR_FORMAT, "expected an image's number and its variant, found '%s'", line);
    *space = '\0';
    char *path = str_format("%s.jpg", line);
    int status = OK;
    if ((status = (path ? reader_check_path(path) : ERR_MEMORY)) == OK &&
        (status = find_variant(&label, d, space + 1)) == OK)
        status = item_list_add(out, path, label);
    free(path);
    return status;
}

static int read_images(struct item_list *out, const struct dataset *d, const char *path)
{
    struct lines lines = {0};
    int status = lines_open(&lines, path);
    for (char *line = NULL; status == OK && (line = lines_next(&lines));)
        if (add_line(out, d, line) != OK)
            status = error_context("%s:%zu", path, lines.number);
    lines_close(&lines);
    return status;
}

int read_aircraft(struct dataset *d)
{
    struct item_list *const lists[] = {&d->train, &d->val, &d->test};
    static const char *const list_names[] = {"images_variant_train.txt", "images_variant_val.txt",
                                             "images_variant_test.txt"};
    char *dir = path_dir(d->image_dir);
    char *path = dir ? path_join(dir, "variants.txt") : NULL;
    int status = path ? read_variants(d, path) : ERR_MEMORY;
    for (size_t i = 0; status == OK && i < sizeof lists / sizeof lists[0]; i++) {
        free(path);
        path = path_join(dir, list_names[i]);
        status = path ? read_images(lists[i], d, path) : ERR_MEMORY;
    }
    free(path);
    free(dir);
    return status;
}
