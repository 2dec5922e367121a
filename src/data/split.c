/*
 * The field's split files: {"train": [[path, label, "class name"], ...], "val": [...], "test": [...]}.
 *
 * Nothing in the file is trusted: a path may not leave the image folder, and labels index arrays later.
 */
#include "split_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/json.h"
#include "prompt/base/str.h"

static int check_path(const char *path)
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

/* A number or, as some files have it, a string of digits. */
static int read_label(int64_t *out, const struct json *value)
{
    const char *text = NULL;
    int status = json_type(value) == JSON_STRING ? json_string(&text, value) : json_i64(out, value);
    if (status == OK && text && str_parse_i64(out, text) != OK)
        status = error_set(ERR_FORMAT, "expected a whole number as the label, found '%s'", text);
    if (status == OK && *out < 0)
        status = error_set(ERR_FORMAT, "expected a label from 0, found %" PRId64, *out);
    return status;
}

struct entry {
    const char *path;
    int64_t label;
    const char *name;
};

static int read_entry(struct entry *out, const struct json *value)
{
    if (json_type(value) != JSON_ARRAY || json_size(value) != 3)
        return error_set(ERR_FORMAT, "expected [path, label, class name], found %s%s",
                         json_type_name(json_type(value)),
                         json_type(value) == JSON_ARRAY ? " of another size" : "");
    const struct json *path = json_first(value);
    const struct json *label = json_next(path);
    int status = json_string(&out->path, path);
    if (status == OK)
        status = check_path(out->path);
    if (status == OK)
        status = read_label(&out->label, label);
    if (status == OK)
        status = json_string(&out->name, json_next(label));
    if (status == OK && out->name[0] == '\0')
        status = error_set(ERR_FORMAT, "the class name is empty");
    return status;
}

/* One label has one name: the first entry gives it (in `train`), later ones must agree. */
static int check_name(struct dataset *d, const struct entry *e, int64_t n_labels)
{
    if (e->label >= n_labels)
        return error_set(ERR_FORMAT,
                         "label %" PRId64 " is not below %" PRId64 ": labels run from 0 without a gap",
                         e->label, n_labels);
    char **name = &d->class_names[e->label];
    if (!*name) {
        *name = str_dup(e->name);
        if (!*name)
            return ERR_MEMORY;
        if (e->label >= d->n_classes)
            d->n_classes = e->label + 1;
    }
    if (strcmp(*name, e->name) != 0)
        return error_set(ERR_FORMAT, "label %" PRId64 " is '%s' here and '%s' before", e->label, e->name,
                         *name);
    return OK;
}

static int read_list(struct item_list *out, struct dataset *d, const struct json_doc *doc,
                     const struct json *list, int64_t n_labels)
{
    for (const struct json *value = json_first(list); value; value = json_next(value)) {
        struct entry e = {0};
        int status = read_entry(&e, value);
        if (status == OK)
            status = check_name(d, &e, n_labels);
        if (status == OK)
            status = item_list_add(out, e.path, e.label);
        if (status != OK)
            return error_context("%s:%zu", json_name(doc), json_line(doc, value));
    }
    return OK;
}

static int find_list(const struct json **out, const struct json_doc *doc, const char *key)
{
    *out = json_get(json_root(doc), key);
    if (!*out)
        return error_set(ERR_FORMAT,
                         "%s: expected an object with the lists train, val and test, '%s' is missing",
                         json_name(doc), key);
    if (json_type(*out) != JSON_ARRAY)
        return error_set(ERR_FORMAT, "%s:%zu: expected a list under '%s', found %s", json_name(doc),
                         json_line(doc, *out), key, json_type_name(json_type(*out)));
    return OK;
}

static int read_train(struct dataset *d, const struct json_doc *doc, const struct json *list)
{
    size_t n = json_size(list);
    if (n == 0)
        return error_set(ERR_FORMAT, "%s: the list 'train' is empty", json_name(doc));
    d->class_names =
        calloc(n, sizeof *d->class_names); /* labels have no gap, so there are at most n classes */
    if (!d->class_names)
        return error_out_of_memory();
    int status = read_list(&d->train, d, doc, list, (int64_t)n);
    for (int64_t label = 0; status == OK && label < d->n_classes; label++)
        if (!d->class_names[label])
            status = error_set(ERR_FORMAT,
                               "%s: label %" PRId64 " has no image in 'train', but label %" PRId64 " has",
                               json_name(doc), label, d->n_classes - 1);
    return status;
}

int split_read(struct dataset *d, const char *path)
{
    struct json_doc *doc = NULL;
    const struct json *train = NULL;
    const struct json *val = NULL;
    const struct json *test = NULL;
    int status = json_read_file(&doc, path);
    if (status != OK)
        return status;
    status = find_list(&train, doc, "train");
    if (status == OK)
        status = find_list(&val, doc, "val");
    if (status == OK)
        status = find_list(&test, doc, "test");
    if (status == OK)
        status = read_train(d, doc, train);
    if (status == OK)
        status = read_list(&d->val, d, doc, val, d->n_classes);
    if (status == OK)
        status = read_list(&d->test, d, doc, test, d->n_classes);
    json_free(doc);
    return status;
}
