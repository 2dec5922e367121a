/* The tensors of safetensors files. Reading the header has checked it. */
#include "prompt/nn/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/file.h"

/* ---------------------------------------------------------------- reading */

/* Views need addresses that are multiples of the element's size, which not every writer provides. */
static int align_data(const void **data, struct safetensors *file, const struct safetensors_entry *e)
{
    if ((uintptr_t)*data % dtype_size(e->dtype) == 0)
        return OK;
    const size_t n = (size_t)(e->end - e->begin);
    void *copy =
        array_grow(&file->copies, file->n_copies, sizeof *file->copies) == OK ? malloc(n ? n : 1) : NULL;
    if (!copy)
        return error_out_of_memory();
    memcpy(copy, *data, n);
    file->copies[file->n_copies++] = copy;
    *data = copy;
    return OK;
}

static int add_tensors(struct safetensors *file, scope *s, const struct safetensors_header *h)
{
    for (size_t i = 0; i < h->n; i++) {
        const struct safetensors_entry *e = &h->entries[i];
        const void *data = (const unsigned char *)file->data + h->data_start + e->begin;
        int status = align_data(&data, file, e);
        if (status != OK)
            return status;
        tensor *view = t_from_memory(s, data, e->dtype, e->dims, e->n_dims);
        if (!view)
            return s ? scope_status(s) : error_out_of_memory();
        status = params_add(&file->tensors, e->name, view);
        if (status != OK)
            return status;
    }
    return OK;
}

/* Takes `file`, whose data are there, to `out`, or frees it. */
static int open_data(struct safetensors **out, struct safetensors *file, scope *s)
{
    struct safetensors_header header = {0};
    int status = safetensors_header_read(&header, file->data, file->n_bytes);
    if (status == OK)
        status = add_tensors(file, s, &header);
    file->metadata = header.metadata;
    header.metadata = (struct metadata){0};
    safetensors_header_free(&header);
    if (status != OK)
        safetensors_close(file);
    else
        *out = file;
    return status;
}

int safetensors_open(struct safetensors **out, scope *s, const char *path)
{
    *out = NULL;
    struct safetensors *file = calloc(1, sizeof *file);
    if (!file)
        return error_out_of_memory();
    int status = file_map(&file->data, &file->n_bytes, path);
    if (status != OK) {
        safetensors_close(file);
        return status;
    }
    status = open_data(out, file, s);
    return status == OK ? OK : error_context("reading '%s'", path);
}

int safetensors_open_bytes(struct safetensors **out, scope *s, const void *bytes, size_t n_bytes)
{
    *out = NULL;
    struct safetensors *file = calloc(1, sizeof *file);
    if (!file)
        return error_out_of_memory();
    file->data = bytes;
    file->n_bytes = n_bytes;
    file->is_borrowed = true;
    return open_data(out, file, s);
}

void safetensors_close(struct safetensors *file)
{
    if (!file)
        return;
    params_free(&file->tensors);
    metadata_free(&file->metadata);
    for (size_t i = 0; i < file->n_copies; i++)
        free(file->copies[i]);
    free(file->copies);
    if (!file->is_borrowed)
        file_unmap(file->data, file->n_bytes);
    free(file);
}

void safetensors_forget(const struct safetensors *file)
{
    file_forget(file->data, file->n_bytes);
}

/* ---------------------------------------------------------------- writing */

/* Where the bytes go: a file, or memory. */
struct sink {
    struct atomic_file *file; /* NULL: memory */
    struct str *memory;
};

static int put(const struct sink *to, const void *data, size_t n)
{
    if (to->file)
        return atomic_write(to->file, data, n);
    str_append_n(to->memory, data, n);
    return str_status(to->memory);
}

static int write_tensor(const struct sink *to, const tensor *t)
{
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    const tensor *host = t_contiguous(s, t_to_device(s, t, (struct device){DEVICE_CPU, 0}));
    int status = OK;
    if (host && t_numel(host) > 0)
        status = put(to, t_data(host), (size_t)t_numel(host) * dtype_size(t_dtype(host)));
    int closed = scope_close(s);
    return status != OK ? status : closed;
}

/* Orders tensors as their data: larger elements first, which aligns every tensor without holes. */
static void order_tensors(const struct param **ordered, const struct params *tensors)
{
    size_t n = 0;
    for (size_t size = 8; size >= 1; size /= 2)
        for (size_t i = 0; i < tensors->n; i++)
            if (dtype_size(t_dtype(tensors->items[i].value)) == size)
                ordered[n++] = &tensors->items[i];
}

static int describe(struct safetensors_entry *out, const struct param *p)
{
    *out = (struct safetensors_entry){.name = p->name, .dtype = t_dtype(p->value)};
    if (t_dim(p->value) > SAFETENSORS_MAX_DIMS)
        return error_set(ERR_SHAPE, "tensor '%s' has more than %d dimensions", p->name,
                         (int)SAFETENSORS_MAX_DIMS);
    for (int64_t i = 0; i < t_dim(p->value); i++)
        out->dims[out->n_dims++] = t_size(p->value, i);
    return OK;
}

static int build_header(struct str *out, const struct param *const *ordered, size_t n,
                        const struct metadata *metadata)
{
    struct safetensors_entry *entries = calloc(n + 1, sizeof *entries);
    int status = entries ? OK : error_out_of_memory();
    for (size_t i = 0; status == OK && i < n; i++)
        status = describe(&entries[i], ordered[i]);
    if (status == OK)
        status = safetensors_header_write(out, entries, n, metadata);
    free(entries);
    return status;
}

static int write_all(const struct sink *to, const struct str *header, const struct param *const *ordered,
                     size_t n)
{
    int status = put(to, header->data, header->len);
    for (size_t i = 0; i < n && status == OK; i++) {
        status = write_tensor(to, ordered[i]->value);
        if (status != OK)
            status = error_context("writing tensor '%s'", ordered[i]->name);
    }
    return status;
}

/* Writes to `path`, or appends to `memory`. */
static int encode(const char *path, struct str *memory, const struct params *tensors,
                  const struct metadata *metadata)
{
    for (size_t i = 0; i < tensors->n; i++)
        if (!tensors->items[i].value)
            return error_set(ERR_SHAPE, "writing '%s': tensor '%s' does not exist", path ? path : "memory",
                             tensors->items[i].name);
    const struct param **ordered = calloc(tensors->n + 1, sizeof *ordered);
    if (!ordered)
        return error_out_of_memory();
    order_tensors(ordered, tensors);

    struct str header = {0};
    struct atomic_file f = {0};
    const struct sink to = {.file = path ? &f : NULL, .memory = memory};
    int status = build_header(&header, ordered, tensors->n, metadata);
    if (status == OK && path)
        status = atomic_open(&f, path);
    if (status == OK)
        status = write_all(&to, &header, ordered, tensors->n);
    if (status == OK && path)
        status = atomic_commit(&f);
    else
        atomic_abort(&f);
    str_free(&header);
    free(ordered);
    return status;
}

int safetensors_write(const char *path, const struct params *tensors, const struct metadata *metadata)
{
    return encode(path, NULL, tensors, metadata);
}

int safetensors_append(struct str *out, const struct params *tensors, const struct metadata *metadata)
{
    return encode(NULL, out, tensors, metadata);
}
