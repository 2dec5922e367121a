/* The file of prompt features. */
#include "features_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/csv.h"
#include "prompt/base/file.h"
#include "prompt/base/json_write.h"
#include "prompt/base/npy.h"

static const char NPY[] = ".npy", SAFETENSORS[] = ".safetensors";

/* ---------------------------------------------------------------- the table */

int features_table_add(struct features_table *t, const char *name, int64_t label, const float *values)
{
    const size_t row = (size_t)t->width * sizeof *t->values;
    int status = OK;
    if ((status = array_grow(&t->values, t->n, row)) != OK ||
        (status = array_grow(&t->names, t->n, sizeof *t->names)) != OK ||
        (status = array_grow(&t->labels, t->n, sizeof *t->labels)) != OK)
        return status;
    t->names[t->n] = str_dup(name);
    if (!t->names[t->n])
        return ERR_MEMORY;
    memcpy(t->values + t->n * (size_t)t->width, values, row);
    t->labels[t->n++] = label;
    return OK;
}

void features_table_free(struct features_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->names[i]);
    free(t->names);
    free(t->labels);
    free(t->values);
    *t = (struct features_table){0};
}

/* ---------------------------------------------------------------- files */

/* The CSV beside NAME.npy, owned. */
static char *csv_path(const char *path)
{
    return str_format("%.*s.csv", (int)(strlen(path) - strlen(NPY)), path);
}

int features_file_check(const char *path)
{
    if (str_ends_with(path, SAFETENSORS))
        return file_check_writable(path);
    if (!str_ends_with(path, NPY))
        return error_set(ERR_USAGE, "--out '%s': expected a name that ends with .npy or .safetensors", path);
    char *rows = csv_path(path);
    int status = rows ? file_check_writable(path) : ERR_MEMORY;
    if (status == OK)
        status = file_check_writable(rows);
    free(rows);
    return status;
}

static int write_rows(const char *path, const struct features_table *t)
{
    struct str out = {0};
    str_appendf(&out, "row,%s%s\n", t->kind, t->has_labels ? ",label,class" : "");
    for (size_t i = 0; i < t->n; i++) {
        str_appendf(&out, "%zu,", i);
        csv_write_text(&out, t->names[i]);
        if (t->has_labels) {
            str_appendf(&out, ",%" PRId64 ",", t->labels[i]);
            csv_write_text(&out, t->classes[t->labels[i]]);
        }
        str_append(&out, "\n");
    }
    int status = str_status(&out);
    if (status == OK)
        status = file_write_atomic(path, out.data, out.len);
    str_free(&out);
    return status;
}

/* The rows come first: an array without them would be of no use. */
static int write_npy(const char *path, const struct features_table *t)
{
    char *rows = csv_path(path);
    int status = rows ? write_rows(rows, t) : ERR_MEMORY;
    if (status == OK)
        status = npy_write_f32(path, t->values, (int64_t)t->n, t->width);
    free(rows);
    return status;
}

static int set_names(struct metadata *metadata, const char *key, char *const *names, size_t n)
{
    struct str out = {0};
    json_open(&out, NULL, '[');
    for (size_t i = 0; i < n; i++)
        json_put_string(&out, NULL, names[i]);
    json_close(&out, ']');
    int status = str_status(&out);
    if (status == OK)
        status = metadata_set(metadata, key, str_text(&out));
    str_free(&out);
    return status;
}

static size_t n_classes(const struct features_table *t)
{
    int64_t last = -1;
    for (size_t i = 0; i < t->n; i++)
        last = t->labels[i] > last ? t->labels[i] : last;
    return (size_t)(last + 1);
}

static int write_safetensors(const char *path, const struct features_table *t, struct metadata *metadata)
{
    const int64_t n = (int64_t)t->n;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct params tensors = {0};
    int status = set_names(metadata, strcmp(t->kind, "class") == 0 ? "classes" : "rows", t->names, t->n);
    if (status == OK)
        status = params_add(&tensors, "features", t_from_memory(s, t->values, DTYPE_F32, SHAPE(n, t->width)));
    if (status == OK && t->has_labels)
        status = params_add(&tensors, "labels", t_from_memory(s, t->labels, DTYPE_I64, SHAPE(n)));
    if (status == OK && t->has_labels)
        status = set_names(metadata, "classes", t->classes, n_classes(t));
    if (status == OK && (status = scope_status(s)) == OK)
        status = safetensors_write(path, &tensors, metadata);
    params_free(&tensors);
    scope_close(s);
    return status;
}

int features_file_write(const char *path, const struct features_table *t, struct metadata *metadata)
{
    return str_ends_with(path, NPY) ? write_npy(path, t) : write_safetensors(path, t, metadata);
}
