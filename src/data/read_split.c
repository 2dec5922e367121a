/*
 * The field's split files: {"train": [[path, label, "class name"], ...], "val": [...], "test": [...]}.
 *
 * Nothing in the file is trusted: a path may not leave the image folder, and labels index arrays later.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/json.h"
#include "prompt/base/str.h"
#include "reader.h"
#include "readers.h"

/* A number or, in some files, a string of digits. */
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
    int status = OK;
    if ((status = json_string(&out->path, path)) == OK && (status = reader_check_path(out->path)) == OK &&
        (status = read_label(&out->label, label)) == OK)
        status = json_string(&out->name, json_next(label));
    if (status == OK && out->name[0] == '\0')
        status = error_set(ERR_FORMAT, "the class name is empty");
    return status;
}

static int read_list(struct item_list *out, struct dataset *d, const struct json_doc *doc,
                     const struct json *list, int64_t n_labels)
{
    for (const struct json *value = json_first(list); value; value = json_next(value)) {
        struct entry e = {0};
        int status = OK;
        if ((status = read_entry(&e, value)) == OK &&
            (status = reader_set_name(d, e.label, e.name, n_labels)) == OK)
            status = item_list_add(out, e.path, e.label);
        if (status != OK)
            return json_context(doc, value);
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
        return json_error(doc, *out, "expected a list under '%s', found %s", key,
                          json_type_name(json_type(*out)));
    return OK;
}

static int read_train(struct dataset *d, const struct json_doc *doc, const struct json *list)
{
    size_t n = json_size(list);
    if (n == 0)
        return error_set(ERR_FORMAT, "%s: the list 'train' is empty", json_name(doc));
    int status = reader_alloc_names(d, n); /* labels are contiguous, so there are at most n classes */
    if (status == OK)
        status = read_list(&d->train, d, doc, list, (int64_t)n);
    return status == OK ? reader_check_gaps(d, json_name(doc), " in 'train'") : status;
}

int read_split(struct dataset *d, const char *path)
{
    struct json_doc *doc = NULL;
    const struct json *train = NULL;
    const struct json *val = NULL;
    const struct json *test = NULL;
    int status = json_read_file(&doc, path);
    if (status != OK)
        return status;
    if ((status = find_list(&train, doc, "train")) == OK && (status = find_list(&val, doc, "val")) == OK &&
        (status = find_list(&test, doc, "test")) == OK && (status = read_train(d, doc, train)) == OK &&
        (status = read_list(&d->val, d, doc, val, d->n_classes)) == OK)
        status = read_list(&d->test, d, doc, test, d->n_classes);
    json_free(doc);
    return status;
}
