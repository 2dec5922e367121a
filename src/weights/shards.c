/*
 * Weights in shards, transformers' format of large models: an index {"weight_map": {tensor: file}} beside its
 * files. Ignores "metadata.total_size", which is informational there, too.
 */
#include "shards.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "raw.h"

enum { MAX_NAMED = 3 }; /* shards named in one error */

bool weights_is_index(const char *path)
{
    return str_ends_with(path, ".index.json");
}

/* ---------------------------------------------------------------- the index */

/* The shard of a member of weight_map: a file beside the index. */
static int read_member(const char **out, const struct json_doc *doc, const struct json *member)
{
    int status = json_string(out, member);
    if (status == OK && ((*out)[0] == '\0' || (*out)[0] == '.' || strchr(*out, '/')))
        status = error_set(ERR_FORMAT, "expected the name of a file beside the index, found '%.80s'", *out);
    return status == OK ? OK : json_key_context(doc, member);
}

static int list_shards(struct str_list *names, const struct json_doc *doc, const struct json *map)
{
    if (!map || json_type(map) != JSON_OBJECT || !json_first(map))
        return error_set(ERR_FORMAT, "%s: expected 'weight_map' with a file for each tensor", json_name(doc));
    const char *before = "";
    for (const struct json *m = json_first(map); m; m = json_next(m)) {
        const char *name = NULL;
        int status = read_member(&name, doc, m);
        if (status == OK && strcmp(name, before) != 0) /* most tensors follow one of the same shard */
            status = str_list_add(names, name);
        if (status != OK)
            return status;
        before = name;
    }
    str_list_sort_unique(names);
    return OK;
}

/* Sets the paths of the shards; the error names missing ones. */
static int find_shards(struct weights *w, const struct str_list *names)
{
    char *folder = path_dir(w->path);
    if (!folder)
        return ERR_MEMORY;
    struct str missing = {0};
    size_t n_missing = 0;
    int status = OK;
    for (size_t i = 0; i < names->n && status == OK; i++) {
        char *path = path_join(folder, names->items[i]);
        status = path ? str_list_add(&w->shards, path) : ERR_MEMORY;
        if (path && !file_exists(path) && n_missing++ < MAX_NAMED)
            str_appendf(&missing, "%s'%s'", n_missing > 1 ? ", " : "", names->items[i]);
        free(path);
    }
    if (n_missing > MAX_NAMED)
        str_appendf(&missing, " and %zu more", n_missing - MAX_NAMED);
    if (status == OK && n_missing > 0)
        status = n_missing == names->n
                     ? error_set(ERR_IO, "'%s' holds %s, but not its shards: %s", folder, path_name(w->path),
                                 str_text(&missing))
                     : error_set(ERR_IO, "'%s' holds %s, but of its %zu shards %zu %s missing: %s", folder,
                                 path_name(w->path), names->n, n_missing, n_missing > 1 ? "are" : "is",
                                 str_text(&missing));
    str_free(&missing);
    free(folder);
    return status;
}

/* ---------------------------------------------------------------- the tensors against the index */

static int compare_names(const void *a, const void *b)
{
    const struct raw_tensor *const *x = a;
    const struct raw_tensor *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int compare_key(const void *name, const void *item)
{
    const struct raw_tensor *const *tensor_at = item;
    return strcmp(name, (*tensor_at)->name);
}

static int check_member(const struct json_doc *doc, const struct json *member,
                        const struct raw_tensor *const *sorted, size_t n, const struct weights *w)
{
    const struct raw_tensor *const *found = bsearch(json_key(member), sorted, n, sizeof *sorted, compare_key);
    const char *shard = NULL;
    int status = read_member(&shard, doc, member);
    if (status != OK || (found && strcmp(path_name(w->shards.items[(*found)->shard]), shard) == 0))
        return status;
    return json_error(doc, member, "tensor '%.120s' is not in '%s'%s%s%s", json_key(member), shard,
                      found ? ", but in '" : "", found ? path_name(w->shards.items[(*found)->shard]) : "",
                      found ? "'" : "");
}

/* Each tensor must be in the shard that the index names, and in no other. Tensors that the index omits are
 * left to the check of the model's tensors: transformers reads them, too. */
static int check_places(const struct weights_raw *raw, const struct json_doc *doc, const struct json *map,
                        const struct weights *w)
{
    const struct raw_tensor **sorted = calloc(raw->n + 1, sizeof(struct raw_tensor *));
    if (!sorted)
        return error_out_of_memory();
    for (size_t i = 0; i < raw->n; i++)
        sorted[i] = &raw->items[i];
    qsort(sorted, raw->n, sizeof *sorted, compare_names);
    int status = OK;
    for (size_t i = 1; i < raw->n && status == OK; i++)
        if (compare_names(&sorted[i - 1], &sorted[i]) == 0)
            status =
                error_set(ERR_FORMAT, "%s: tensor '%.120s' is in two shards, '%s' and '%s'", json_name(doc),
                          sorted[i]->name, path_name(w->shards.items[sorted[i - 1]->shard]),
                          path_name(w->shards.items[sorted[i]->shard]));
    for (const struct json *m = json_first(map); m && status == OK; m = json_next(m))
        status = check_member(doc, m, sorted, raw->n, w);
    free(sorted);
    return status;
}

int weights_read_shards(struct weights_raw *raw, struct weights *w)
{
    struct json_doc *doc = NULL;
    struct str_list names = {0};
    int status = json_read_file(&doc, w->path);
    const struct json *map = status == OK ? json_get(json_root(doc), "weight_map") : NULL;
    if (status == OK && (status = list_shards(&names, doc, map)) == OK)
        status = find_shards(w, &names);
    for (size_t i = 0; status == OK && i < w->shards.n; i++)
        status = weights_raw_read(raw, w, w->shards.items[i], i);
    if (status == OK)
        status = check_places(raw, doc, map, w);
    str_list_free(&names);
    json_free(doc);
    return status;
}
