/* Writes safetensors files. */
#include "prompt/nn/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>

#include "prompt/base/file.h"
#include "prompt/base/json_write.h"
#include "prompt/base/str.h"

#include "safetensors_internal.h"

static void append_entry(struct str *header, const struct param *p, uint64_t begin, uint64_t end)
{
    json_write_string(header, p->name);
    str_appendf(header, ":{\"dtype\":\"%s\",\"shape\":[", safetensors_dtype_names[t_dtype(p->value)]);
    for (int64_t i = 0; i < t_dim(p->value); i++)
        str_appendf(header, "%s%" PRId64, i ? "," : "", t_size(p->value, i));
    str_appendf(header, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin, end);
}

static void append_metadata(struct str *header, const struct metadata *metadata)
{
    str_append(header, "\"__metadata__\":{");
    for (size_t i = 0; i < metadata->n; i++) {
        str_append(header, i ? "," : "");
        json_write_string(header, metadata->items[i].key);
        str_append_char(header, ':');
        json_write_string(header, metadata->items[i].value);
    }
    str_append_char(header, '}');
}

/* The header's text, padded with spaces so that the data start on a multiple of 8. */
static int build_header(struct str *header, const struct param *const *ordered, size_t n,
                        const struct metadata *metadata)
{
    bool has_metadata = metadata && metadata->n > 0;
    str_append_char(header, '{');
    if (has_metadata)
        append_metadata(header, metadata);
    uint64_t begin = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t end = begin + (uint64_t)t_numel(ordered[i]->value) * dtype_size(t_dtype(ordered[i]->value));
        str_append(header, i || has_metadata ? "," : "");
        append_entry(header, ordered[i], begin, end);
        begin = end;
    }
    str_append_char(header, '}');
    while (!header->failed && header->len % 8 != 0)
        str_append_char(header, ' ');
    return str_status(header);
}

/* The destination of the bytes: a file or memory. */
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

static int write_all(const struct sink *to, const struct str *header, const struct param *const *ordered,
                     size_t n)
{
    unsigned char prefix[SAFETENSORS_PREFIX_BYTES];
    for (size_t i = 0; i < SAFETENSORS_PREFIX_BYTES; i++)
        prefix[i] = (unsigned char)((uint64_t)header->len >> (8 * i) & 0xff);
    int status = put(to, prefix, sizeof prefix);
    if (status == OK)
        status = put(to, header->data, header->len);
    for (size_t i = 0; i < n && status == OK; i++) {
        status = write_tensor(to, ordered[i]->value);
        if (status != OK)
            status = error_context("writing tensor '%s'", ordered[i]->name);
    }
    return status;
}

/* Sorts the tensors in the order of their data: larger elements first, which aligns every tensor without
 * gaps. */
static void order_tensors(const struct param **ordered, const struct params *tensors)
{
    size_t n = 0;
    for (size_t size = 8; size >= 1; size /= 2)
        for (size_t i = 0; i < tensors->n; i++)
            if (dtype_size(t_dtype(tensors->items[i].value)) == size)
                ordered[n++] = &tensors->items[i];
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
