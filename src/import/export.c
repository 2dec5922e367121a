/* Writes trained tensors under the names that other programs read. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "maps.h"
#include "prompt/base/array.h"
#include "prompt/base/file.h"
#include "prompt/import/import.h"
#include "prompt/nn/safetensors.h"

/* The file as it grows. */
struct entries {
    struct archive_entry *items; /* [n], owned; their names are those of the list */
    size_t n;
    struct str_list names;
    scope *s;
    bool half;
};

/* Takes the name; NULL: out of memory. */
static int add(struct entries *out, const struct import_tensor *t, char *name, const tensor *value)
{
    int status = name ? str_list_add(&out->names, name) : ERR_MEMORY;
    free(name);
    if (status != OK || (status = array_grow(&out->items, out->n, sizeof *out->items)) != OK)
        return status;
    const enum dtype dtype = t->is_half && out->half ? DTYPE_F16 : DTYPE_F32;
    out->items[out->n++] = (struct archive_entry){.dict = "state_dict",
                                                  .name = out->names.items[out->names.n - 1],
                                                  .value = t_to(out->s, value, dtype)};
    return scope_status(out->s);
}

/* The tensors of the file that a row of the map is; none if the method does not have the target here. */
static int add_tensor(struct entries *out, const struct import_tensor *t, const struct params *trained)
{
    const tensor *target = params_find(trained, t->target);
    if (!target)
        return OK;
    if (t->row < 0)
        return add(out, t, import_source_name(t, -1), target);
    const int64_t end = strchr(t->source, '*') ? t_size(target, 0) : t->row + 1;
    int status = OK;
    for (int64_t row = t->row; status == OK && row < end; row++)
        status = add(out, t, import_source_name(t, row), t_select(out->s, target, 0, row));
    return status;
}

static int write_bytes(void *context, const void *bytes, size_t n)
{
    return atomic_write(context, bytes, n);
}

static int write_file(const char *path, const struct entries *e)
{
    struct atomic_file file;
    int status = atomic_open(&file, path);
    if (status != OK)
        return status;
    if ((status = archive_write(e->s, e->items, e->n, write_bytes, &file)) == OK)
        status = atomic_commit(&file);
    atomic_abort(&file);
    return status;
}

int export_dassl(const char *path, const char *checkpoint_path, enum method_kind method, int64_t epoch,
                 bool half)
{
    const struct import_map *map = import_map_of(method);
    struct entries e = {.s = scope_open(NULL, SCOPE_GRAD_OFF), .half = half};
    struct safetensors *file = NULL;
    int status = safetensors_open(&file, e.s, checkpoint_path);
    for (const struct import_tensor *t = map->tensors; status == OK && t->source; t++)
        status = add_tensor(&e, t, &file->tensors);
    if (status == OK && (status = array_grow(&e.items, e.n, sizeof *e.items)) == OK) {
        e.items[e.n++] = (struct archive_entry){.name = "epoch", .number = epoch};
        status = write_file(path, &e);
    }
    str_list_free(&e.names);
    free(e.items);
    const int closed = scope_close(e.s);
    safetensors_close(file);
    return status == OK ? closed : status;
}
