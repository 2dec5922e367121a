/* Reads the tensors of a file under its own names. */
#include "raw.h"

#include <stdlib.h>
#include <string.h>

#include "magic.h"
#include "prompt/base/array.h"
#include "prompt/base/str.h"

enum { MAX_TENSORS = 65536 }; /* a model and its optimizer have a few thousand */

static int add(struct weights_raw *raw, struct raw_tensor item, const char *name, const char *found)
{
    if (raw->n == MAX_TENSORS)
        return error_set(ERR_FORMAT, "more than %d tensors", (int)MAX_TENSORS);
    if (array_grow(&raw->items, raw->n, sizeof *raw->items) != OK)
        return ERR_MEMORY;
    item.name = str_dup(name);
    item.found = found ? str_dup(found) : NULL;
    if (!item.name || (found && !item.found)) {
        free(item.name);
        return ERR_MEMORY;
    }
    raw->items[raw->n++] = item;
    return OK;
}

struct visit {
    struct weights_raw *raw;
    size_t shard;
};

static int add_visited(void *context, const struct archive_item *item)
{
    const struct visit *v = context;
    return add(v->raw, (struct raw_tensor){.n_outer = item->n_outer, .value = item->value, .shard = v->shard},
               item->name, item->value ? NULL : item->found);
}

/* Keeps the mapping: the tensors are views of it. */
static int read_safetensors(struct weights_raw *raw, struct weights *w, const char *path, size_t shard)
{
    int status = array_grow(&w->files, w->n_files, sizeof(struct safetensors *));
    if (status != OK || (status = safetensors_open(&w->files[w->n_files], w->scope, path)) != OK)
        return status;
    const struct params *tensors = &w->files[w->n_files++]->tensors;
    for (size_t i = 0; i < tensors->n && status == OK; i++)
        status = add(raw, (struct raw_tensor){.value = tensors->items[i].value, .shard = shard},
                     tensors->items[i].name, NULL);
    return status;
}

int weights_raw_read(struct weights_raw *raw, struct weights *w, const char *path, size_t shard)
{
    int status = weights_refuse_other_formats(path);
    if (status != OK)
        return status;
    if (str_ends_with(path, ".safetensors") || safetensors_probe(path))
        return read_safetensors(raw, w, path, shard);
    return archive_read(
        w->scope, path, &raw->facts,
        &(struct archive_visitor){.tensor = add_visited, .context = &(struct visit){raw, shard}});
}

bool weights_raw_has_prefix(const struct weights_raw *raw, const char *prefix)
{
    for (size_t i = 0; i < raw->n; i++)
        if (str_starts_with(raw->items[i].name, prefix))
            return true;
    return false;
}

void weights_raw_free(struct weights_raw *raw)
{
    for (size_t i = 0; i < raw->n; i++) {
        free(raw->items[i].name);
        free(raw->items[i].found);
    }
    free(raw->items);
    *raw = (struct weights_raw){0};
}
