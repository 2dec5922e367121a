/* What the shapes of a file say about the configuration. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "maps.h"
#include "prompt/methods/captions.h"
#include "source.h"

/* The tensor of a name of the map, borrowed; NULL if the file lacks it. */
static const tensor *find_value(const struct import_source *source, const char *name)
{
    const struct source_tensor *t = source_find(source, name);
    return t ? t->value : NULL;
}

/* The number of tensors of a name with '*', from `number` on. */
static int count_rows(int64_t *out, const struct import_source *source, const char *name, int64_t number)
{
    const struct import_tensor each = {.source = name, .number = number};
    for (*out = 0;; ++*out) {
        char *row = import_source_name(&each, *out);
        if (!row)
            return ERR_MEMORY;
        const bool is_there = source_find(source, row) != NULL;
        free(row);
        if (!is_there)
            return OK;
    }
}

/* The value of a key, or nothing if the file has no say. */
static int append_fact(struct str *out, const struct import_source *source, const struct import_key *key)
{
    const tensor *t = find_value(source, key->source);
    int64_t n = 0;
    int status = OK;
    switch (key->fact) {
    case IMPORT_N_VECTORS:
        if (!t || t_dim(t) >= 2) /* one of another shape is refused where both shapes are known */
            str_appendf(out, "%" PRId64, t ? t_size(t, -2) : 0);
        break;
    case IMPORT_N_ROWS:
        status = count_rows(&n, source, key->source, key->number);
        str_appendf(out, "%" PRId64, n + 1);
        break;
    case IMPORT_START:
        n = t_dim(t) >= 2 ? t_size(t, -2) : PROMPT_N_WORDS;
        if (n < key->number || n > PROMPT_N_WORDS)
            str_append(out, context_init_names[CONTEXT_INIT_RANDOM]);
        break;
    case IMPORT_NUMBER:
        str_append(out, source_scalar(source, key->source) ? source_scalar(source, key->source) : "");
        break;
    case IMPORT_IS_THERE:
        str_append(out, source_find(source, key->source) ? "true" : "false");
        break;
    case IMPORT_HAS_CLASSES:
        str_append(out, t_dim(t) == 3 ? "true" : "false");
        break;
    }
    return status == OK ? str_status(out) : status;
}

static int settle_key(struct config *c, const struct import_source *source, const struct import_key *key)
{
    const size_t i = config_find(key->key);
    const struct source_tensor *t = source_find(source, key->source);
    const bool is_free = c->origins[i] == CONFIG_DEFAULT;
    struct config settled = {0};
    struct str found = {0}, here = {0};
    int status = t && !t->value ? error_set(ERR_FORMAT, "tensor '%s' %s", t->name, t->found)
                                : append_fact(&found, source, key);
    if (status == OK && found.len > 0 && is_free)
        status = config_set_key(c, key->key, str_text(&found));
    else if (status == OK && found.len > 0 && (status = config_init(&settled)) == OK &&
             (status = config_set_key(&settled, key->key, str_text(&found))) == OK &&
             !config_is_same(c, &settled, i)) {
        config_write_value(&here, c, i);
        status = error_set(ERR_USAGE, "%s is %s in the configuration, but the file has %s", key->key,
                           str_text(&here), str_text(&found));
    }
    config_free(&settled);
    str_free(&found);
    str_free(&here);
    return status == OK ? OK : error_context("'%s'", t ? t->path : source->path);
}

/* The file's first tensor shows which kind of file it is. */
static int refuse_kind(const struct import_source *source, enum method_kind method, const char *missing)
{
    if (source->n_tensors == 0)
        return error_set(ERR_FORMAT, "'%s' holds no tensors", source->path);
    return error_set(ERR_FORMAT, "'%s' holds no prompts of %s: it has no tensor '%s', but '%s' and %zu more",
                     source->path, method_kind_names[method], missing, source->tensors[0].name,
                     source->n_tensors - 1);
}

/* The first tensor of the map is there, or another one of the same target. */
static int check_first(const struct import_source *source, const struct import_map *map,
                       enum method_kind method)
{
    const struct import_tensor *first = &map->tensors[0];
    char *missing = NULL;
    bool is_there = false;
    for (const struct import_tensor *t = first; t->source && !is_there; t++) {
        char *name = strcmp(t->target, first->target) == 0 ? import_source_name(t, first->row) : NULL;
        is_there = name && source_find(source, name);
        if (missing)
            free(name);
        else
            missing = name;
    }
    int status = is_there ? OK : missing ? refuse_kind(source, method, missing) : ERR_MEMORY;
    free(missing);
    return status;
}

static int check_files(const struct import_source *source, const struct import_map *map,
                       enum method_kind method)
{
    if (source->files.n == 1 || map->has_parts)
        return OK;
    return error_set(ERR_USAGE, "method %s is in one file, but %zu are given", method_kind_names[method],
                     source->files.n);
}

static int check_demand(const struct import_source *source, const struct import_demand *demand)
{
    const char *found = source_scalar(source, demand->name);
    if (found && strcmp(found, demand->text) == 0)
        return OK;
    return error_set(ERR_USAGE, "'%s': %s is %s%s%s, but only '%s' is supported", source->path, demand->name,
                     found ? "'" : "missing", found ? found : "", found ? "'" : "", demand->text);
}

int import_settle(struct config *c, const struct import_source *source)
{
    const struct import_map *map = import_map_of(c->method);
    struct str known = {0};
    if (!map) {
        import_append_methods(&known);
        int status =
            error_set(ERR_USAGE, "no other program's files of method %s are known; known are those of %s",
                      method_kind_names[c->method], str_text(&known));
        str_free(&known);
        return status;
    }
    int status = check_files(source, map, c->method);
    if (status == OK)
        status = check_first(source, map, c->method);
    if (status == OK && map->images.source && !source_find(source, map->images.source))
        status = error_set(ERR_FORMAT, "'%s': tensor '%s' is missing", source->path, map->images.source);
    for (const struct import_demand *d = map->demands; status == OK && d->name; d++)
        status = check_demand(source, d);
    for (const struct import_key *key = map->keys; status == OK && key->key; key++)
        status = settle_key(c, source, key);
    return status;
}

bool import_knows_classes(enum method_kind method)
{
    const struct import_map *map = import_map_of(method);
    return !map || map->classes[0].source;
}

static int refuse_classes(const struct config *c, const struct source_tensor *t, int64_t n_in_file,
                          int64_t n_classes)
{
    const bool has_part = c->data_dataset[0] != '\0' && c->data_classes != CLASS_SUBSET_ALL;
    struct str shape = {0};
    tensor_append_shape(&shape, t->value);
    int status = error_set(
        ERR_USAGE, "'%s' is of %" PRId64 " classes (tensor '%s' %s), but %" PRId64 " %s given%s%s%s", t->path,
        n_in_file, t->name, str_text(&shape), n_classes,
        plural((size_t)n_classes, "class name is", "class names are"),
        has_part ? ", as data.classes is " : "", has_part ? class_subset_names[c->data_classes] : "",
        has_part ? "; --set data.classes=all gives those of the whole data set" : "");
    str_free(&shape);
    return status;
}

int import_check_classes(const struct config *c, const struct import_source *source, int64_t n_classes)
{
    const struct import_map *map = import_map_of(c->method);
    for (const struct import_axis *axis = map->classes; axis->source; axis++) {
        const struct source_tensor *t = source_find(source, axis->source);
        if (!t || !t->value)
            continue;
        if (t_dim(t->value) <= axis->axis) {
            struct str shape = {0};
            tensor_append_shape(&shape, t->value);
            int status =
                error_set(ERR_SHAPE, "'%s': tensor '%s': expected a row or column for each class, found %s",
                          t->path, t->name, str_text(&shape));
            str_free(&shape);
            return status;
        }
        if (t_size(t->value, axis->axis) != n_classes)
            return refuse_classes(c, t, t_size(t->value, axis->axis), n_classes);
    }
    return OK;
}

int64_t import_n_images(const struct config *c, const struct import_source *source)
{
    const struct import_axis *axis = &import_map_of(c->method)->images;
    const tensor *t = axis->source ? find_value(source, axis->source) : NULL;
    return t && t_dim(t) > axis->axis ? t_size(t, axis->axis) : 0;
}
