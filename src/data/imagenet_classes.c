/* ImageNet's ids and names: built in, or from a classnames.txt with lines "n01440764 tench". */
#include <stdlib.h>
#include <string.h>

#include "imagenet_classes.h"
#include "prompt/base/array.h"
#include "prompt/base/file.h"
#include "prompt/base/lines.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"

#define CLASS(id, name) {id, name},
static const struct imagenet_class built_in[] = {
#include "imagenet_classes.def"
};
#undef CLASS

bool imagenet_is_id(const char *name)
{
    return name[0] == 'n' && strspn(name + 1, "0123456789") == 8 && name[9] == '\0';
}

static int compare_classes(const void *a, const void *b)
{
    return strcmp(((const struct imagenet_class *)a)->id, ((const struct imagenet_class *)b)->id);
}

bool imagenet_classes_find(size_t *idx, const struct imagenet_classes *classes, const char *id)
{
    const struct imagenet_class key = {.id = id};
    const struct imagenet_class *found =
        bsearch(&key, classes->classes, classes->n, sizeof *classes->classes, compare_classes);
    if (found)
        *idx = (size_t)(found - classes->classes);
    return found != NULL;
}

int imagenet_class_is_missing(const struct imagenet_classes *classes, size_t idx, size_t n_there)
{
    return error_set(ERR_IO, "%zu of %zu class folders %s there, the first missing one is '%s' (label %zu)",
                     n_there, classes->n, plural(n_there, "is", "are"), classes->classes[idx].id, idx);
}

/* ---------------------------------------------------------------- classnames.txt */

/* Splits "n01440764 tench" at the first space. */
static int parse_line(struct imagenet_class *out, char *line)
{
    char *space = strchr(line, ' ');
    if (space)
        *space = '\0';
    if (!space || !imagenet_is_id(line))
        return error_set(ERR_FORMAT,
                         "expected an id and a class name, such as \"n01440764 tench\", found '%s'", line);
    *out = (struct imagenet_class){.id = line, .name = space + 1};
    return OK;
}

static int add_class(struct imagenet_classes *out, struct imagenet_class class)
{
    if (array_grow(&out->owned, out->n, sizeof *out->owned) != OK)
        return ERR_MEMORY;
    out->classes = out->owned;
    out->owned[out->n++] = class;
    return OK;
}

static int read_classes(struct imagenet_classes *out, const char *path)
{
    struct lines lines = {0};
    int status = lines_open(&lines, path);
    out->text = lines.text; /* kept: the classes point into it */
    for (char *line = NULL; status == OK && (line = lines_next(&lines));) {
        struct imagenet_class class = {0};
        status = parse_line(&class, line);
        if (status == OK)
            status = add_class(out, class);
        if (status != OK)
            return error_context("%s:%zu", path, lines.number);
    }
    if (status == OK && out->n == 0)
        return error_set(ERR_FORMAT, "%s: no class, expected an id and a name on each line", path);
    if (status == OK)
        qsort(out->owned, out->n, sizeof *out->owned, compare_classes);
    for (size_t i = 1; status == OK && i < out->n; i++)
        if (compare_classes(&out->owned[i - 1], &out->owned[i]) == 0)
            status = error_set(ERR_FORMAT, "%s: the id '%s' occurs twice", path, out->owned[i].id);
    return status;
}

/* The file's path if it exists, else NULL; both without an error. */
static int find_file(char **out, const char *image_dir, const char *root)
{
    char *dir = path_dir(image_dir);
    const struct {
        const char *dir;
        const char *name;
    } places[] = {{image_dir, "classnames.txt"},
                  {dir, "classnames.txt"},
                  {root, "imagenet/classnames.txt"},
                  {root, "ImageNet/classnames.txt"}};
    int status = dir ? OK : ERR_MEMORY;
    *out = NULL;
    for (size_t i = 0; status == OK && !*out && i < sizeof places / sizeof places[0]; i++) {
        char *path = path_join(places[i].dir, places[i].name);
        status = path ? OK : ERR_MEMORY;
        if (path && file_exists(path))
            *out = path;
        else
            free(path);
    }
    free(dir);
    return status;
}

int imagenet_classes_open(struct imagenet_classes *out, const char *image_dir, const char *root)
{
    *out = (struct imagenet_classes){0};
    int status = find_file(&out->path, image_dir, root);
    if (status == OK && out->path)
        status = read_classes(out, out->path);
    else if (status == OK)
        *out = (struct imagenet_classes){.classes = built_in, .n = sizeof built_in / sizeof built_in[0]};
    if (status != OK)
        imagenet_classes_close(out);
    return status;
}

/* Appends the first id or name that differs from the built-in one. */
static void note_first_other(struct str *out, const struct imagenet_classes *classes)
{
    const struct imagenet_classes known = {.classes = built_in, .n = sizeof built_in / sizeof built_in[0]};
    for (size_t i = 0; i < classes->n; i++) {
        const struct imagenet_class *class = &classes->classes[i];
        size_t k = 0;
        if (!imagenet_classes_find(&k, &known, class->id)) {
            str_appendf(out, "'%s' is not an id of ImageNet's 1000 classes", class->id);
            return;
        }
        if (strcmp(class->name, built_in[k].name) != 0) {
            str_appendf(out, "'%s' is '%s' instead of '%s'", class->id, class->name, built_in[k].name);
            return;
        }
    }
}

int imagenet_classes_note(struct dataset *d, const struct imagenet_classes *classes)
{
    if (!classes->path)
        return OK;
    d->names_file = str_dup(classes->path);
    note_first_other(&d->other_names, classes);
    return d->names_file ? str_status(&d->other_names) : ERR_MEMORY;
}

void imagenet_classes_close(struct imagenet_classes *classes)
{
    free(classes->path);
    free(classes->owned);
    free(classes->text);
    *classes = (struct imagenet_classes){0};
}
