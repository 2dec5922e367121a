/* Safetensors files. The header is untrusted: see check_layout and the read_* functions. */
#include "prompt/nn/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/base/str.h"

#include "safetensors_internal.h"

enum {
    MAX_HEADER_BYTES = 100000000, /* the format's own limit */
    MAX_TENSORS = 65536,          /* finding a name is linear; no model has a tenth of this */
    MAX_DIMS = 16,
};

const char *const safetensors_dtype_names[SAFETENSORS_N_DTYPES] = {
    [DTYPE_F32] = "F32", [DTYPE_F64] = "F64", [DTYPE_F16] = "F16", [DTYPE_BF16] = "BF16",
    [DTYPE_I64] = "I64", [DTYPE_I32] = "I32", [DTYPE_U8] = "U8",   [DTYPE_BOOL] = "BOOL",
};

/* ---------------------------------------------------------------- metadata */

int metadata_set(struct metadata *m, const char *key, const char *value)
{
    char *value_copy = str_dup(value);
    if (!value_copy)
        return ERR_MEMORY;
    for (size_t i = 0; i < m->n; i++) {
        if (strcmp(m->items[i].key, key) == 0) {
            free(m->items[i].value);
            m->items[i].value = value_copy;
            return OK;
        }
    }
    char *key_copy = str_dup(key);
    struct metadata_entry *items = key_copy ? realloc(m->items, (m->n + 1) * sizeof *items) : NULL;
    if (!items) {
        free(key_copy);
        free(value_copy);
        return error_out_of_memory();
    }
    m->items = items;
    m->items[m->n++] = (struct metadata_entry){.key = key_copy, .value = value_copy};
    return OK;
}

const char *metadata_get(const struct metadata *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->items[i].key, key) == 0)
            return m->items[i].value;
    return NULL;
}

void metadata_free(struct metadata *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->items[i].key);
        free(m->items[i].value);
    }
    free(m->items);
    *m = (struct metadata){0};
}

/* ---------------------------------------------------------------- reading */

/* A tensor as the header describes it. */
struct entry {
    const char *name; /* borrowed from the header's document */
    enum dtype dtype;
    int64_t dims[MAX_DIMS];
    size_t n_dims;
    uint64_t begin, end; /* bytes, from the start of the data */
};

static uint64_t header_length(const unsigned char *prefix)
{
    uint64_t length = 0;
    for (int i = SAFETENSORS_PREFIX_BYTES - 1; i >= 0; i--)
        length = length << 8 | prefix[i];
    return length;
}

static int read_dtype(enum dtype *out, const struct json *value)
{
    const char *text = NULL;
    if (!value)
        return error_set(ERR_FORMAT, "'dtype' is missing");
    if (json_string(&text, value) != OK)
        return error_context("'dtype'");
    for (size_t i = 0; i < SAFETENSORS_N_DTYPES; i++) {
        if (strcmp(text, safetensors_dtype_names[i]) == 0) {
            *out = (enum dtype)i;
            return OK;
        }
    }
    return error_set(ERR_FORMAT,
                     "dtype '%.40s' is not supported (F32, F64, F16, BF16, I64, I32, U8, BOOL are)", text);
}

/* The shape and the bytes of its tensor, at most INT64_MAX, so that libtorch's own products do not overflow
 * either. */
static int read_shape(struct entry *e, uint64_t *n_bytes, const struct json *value)
{
    if (!value || json_type(value) != JSON_ARRAY)
        return error_set(ERR_FORMAT, "'shape' is not an array");
    uint64_t bytes = dtype_size(e->dtype);
    bool is_empty = false;
    for (const struct json *dim = json_first(value); dim; dim = json_next(dim)) {
        if (e->n_dims == MAX_DIMS)
            return error_set(ERR_FORMAT, "'shape' has more than %d dimensions", (int)MAX_DIMS);
        int64_t size = 0;
        if (json_i64(&size, dim) != OK)
            return error_context("'shape'");
        if (size < 0)
            return error_set(ERR_FORMAT, "'shape' has a negative size");
        e->dims[e->n_dims++] = size;
        if (size == 0)
            is_empty = true; /* still multiply the others: libtorch refuses an overflow beside a 0, too */
        else if (bytes > (uint64_t)INT64_MAX / (uint64_t)size)
            return error_set(ERR_FORMAT, "the product of its shape is too large");
        else
            bytes *= (uint64_t)size;
    }
    *n_bytes = is_empty ? 0 : bytes;
    return OK;
}

static int read_offsets(struct entry *e, const struct json *value)
{
    if (!value || json_type(value) != JSON_ARRAY || json_size(value) != 2)
        return error_set(ERR_FORMAT, "'data_offsets' is not an array of two numbers");
    const struct json *first = json_first(value);
    int64_t begin = 0;
    int64_t end = 0;
    if (json_i64(&begin, first) != OK || json_i64(&end, json_next(first)) != OK)
        return error_context("'data_offsets'");
    if (begin < 0 || end < begin)
        return error_set(ERR_FORMAT, "'data_offsets' [%" PRId64 ", %" PRId64 "] do not rise", begin, end);
    e->begin = (uint64_t)begin;
    e->end = (uint64_t)end;
    return OK;
}

static int read_entry(struct entry *e, const struct json *member, uint64_t n_data_bytes)
{
    *e = (struct entry){.name = json_key(member)};
    if (json_type(member) != JSON_OBJECT)
        return error_set(ERR_FORMAT, "expected an object, found %s", json_type_name(json_type(member)));
    uint64_t n_bytes = 0;
    int status = OK;
    if ((status = read_dtype(&e->dtype, json_get(member, "dtype"))) == OK &&
        (status = read_shape(e, &n_bytes, json_get(member, "shape"))) == OK)
        status = read_offsets(e, json_get(member, "data_offsets"));
    if (status != OK)
        return status;
    if (e->end > n_data_bytes)
        return error_set(ERR_FORMAT,
                         "its data end at byte %" PRIu64 ", but the file has %" PRIu64
                         " bytes of data: is it truncated?",
                         e->end, n_data_bytes);
    if (e->end - e->begin != n_bytes)
        return error_set(ERR_FORMAT,
                         "its dtype and shape need %" PRIu64 " bytes, its 'data_offsets' span %" PRIu64,
                         n_bytes, e->end - e->begin);
    return OK;
}

static int read_metadata(struct metadata *out, const struct json *value)
{
    if (json_type(value) != JSON_OBJECT)
        return error_set(ERR_FORMAT, "'__metadata__' is not an object");
    for (const struct json *member = json_first(value); member; member = json_next(member)) {
        const char *text = NULL;
        if (out->n == MAX_TENSORS)
            return error_set(ERR_FORMAT, "'__metadata__' has more than %d entries", (int)MAX_TENSORS);
        if (json_string(&text, member) != OK)
            return error_context("'__metadata__': '%.200s'", json_key(member));
        int status = metadata_set(out, json_key(member), text);
        if (status != OK)
            return status;
    }
    return OK;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) /* an empty tensor comes before the one at the same offset */
        return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Every byte of the data must belong to exactly one tensor. `entries` are sorted by offset. */
static int check_layout(const struct entry *entries, size_t n, uint64_t n_data_bytes)
{
    uint64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (entries[i].begin < at)
            return error_set(ERR_FORMAT, "tensor '%.200s' overlaps '%.200s'", entries[i].name,
                             entries[i - 1].name);
        if (entries[i].begin > at)
            return error_set(ERR_FORMAT, "bytes %" PRIu64 " to %" PRIu64 " of the data belong to no tensor",
                             at, entries[i].begin);
        at = entries[i].end;
    }
    if (at < n_data_bytes)
        return error_set(ERR_FORMAT, "bytes %" PRIu64 " to %" PRIu64 " of the data belong to no tensor", at,
                         n_data_bytes);
    return OK;
}

/* Copies data whose address is not a multiple of the element's size, which views need and some writers
 * ignore. */
static int align_data(const void **data, struct safetensors *file, const struct entry *e)
{
    if ((uintptr_t)*data % dtype_size(e->dtype) == 0)
        return OK;
    void **copies = realloc(file->copies, (file->n_copies + 1) * sizeof *copies);
    if (!copies)
        return error_out_of_memory();
    file->copies = copies;
    size_t n = (size_t)(e->end - e->begin);
    void *copy = malloc(n ? n : 1);
    if (!copy)
        return error_out_of_memory();
    memcpy(copy, *data, n);
    file->copies[file->n_copies++] = copy;
    *data = copy;
    return OK;
}

static int add_tensors(struct safetensors *file, scope *s, const struct entry *entries, size_t n,
                       size_t data_start)
{
    for (size_t i = 0; i < n; i++) {
        const struct entry *e = &entries[i];
        const void *data = (const unsigned char *)file->data + data_start + e->begin;
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

static int read_header(struct safetensors *file, scope *s, const struct json *root, size_t data_start)
{
    uint64_t n_data_bytes = file->n_bytes - data_start;
    if (json_type(root) != JSON_OBJECT)
        return error_set(ERR_FORMAT, "the header is not a JSON object");
    size_t n_members = json_size(root);
    if (n_members > MAX_TENSORS)
        return error_set(ERR_FORMAT, "the header has %zu entries; at most %d are read", n_members,
                         (int)MAX_TENSORS);
    struct entry *entries = calloc(n_members + 1, sizeof *entries);
    if (!entries)
        return error_out_of_memory();
    int status = OK;
    size_t n = 0;
    for (const struct json *member = json_first(root); member && status == OK; member = json_next(member)) {
        if (strcmp(json_key(member), "__metadata__") == 0) {
            status = read_metadata(&file->metadata, member);
        } else {
            status = read_entry(&entries[n++], member, n_data_bytes);
            if (status != OK)
                status = error_context("tensor '%.200s'", json_key(member));
        }
    }
    if (status == OK) {
        qsort(entries, n, sizeof *entries, compare_entries);
        status = check_layout(entries, n, n_data_bytes);
    }
    if (status == OK)
        status = add_tensors(file, s, entries, n, data_start);
    free(entries);
    return status;
}

static int parse_file(struct safetensors *file, scope *s)
{
    if (file->n_bytes < SAFETENSORS_PREFIX_BYTES)
        return error_set(ERR_FORMAT, "%zu bytes are too few for a safetensors file", file->n_bytes);
    uint64_t length = header_length(file->data);
    if (length > MAX_HEADER_BYTES)
        return error_set(ERR_FORMAT, "not a safetensors file: its header would be %" PRIu64 " bytes long",
                         length);
    if (length > file->n_bytes - SAFETENSORS_PREFIX_BYTES)
        return error_set(ERR_FORMAT,
                         "its header is %" PRIu64 " bytes long, but the file has %zu: is it truncated?",
                         length, file->n_bytes);
    const char *text = (const char *)file->data + SAFETENSORS_PREFIX_BYTES;
    if (length == 0 || text[0] != '{')
        return error_set(ERR_FORMAT, "not a safetensors file: its header does not start with '{'");
    struct json_doc *doc = NULL;
    int status = json_parse(&doc, text, (size_t)length, "header");
    if (status == OK)
        status = read_header(file, s, json_root(doc), SAFETENSORS_PREFIX_BYTES + (size_t)length);
    json_free(doc);
    return status;
}

int safetensors_open(struct safetensors **out, scope *s, const char *path)
{
    *out = NULL;
    struct safetensors *file = calloc(1, sizeof *file);
    if (!file)
        return error_out_of_memory();
    int status = file_map(&file->data, &file->n_bytes, path);
    if (status == OK && (status = parse_file(file, s)) != OK)
        status = error_context("reading '%s'", path);
    if (status != OK) {
        safetensors_close(file);
        return status;
    }
    *out = file;
    return OK;
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
    file_unmap(file->data, file->n_bytes);
    free(file);
}

bool safetensors_probe(const char *path)
{
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return false;
    unsigned char start[SAFETENSORS_PREFIX_BYTES + 1];
    size_t n = fread(start, 1, sizeof start, stream);
    fclose(stream);
    return n == sizeof start && header_length(start) <= MAX_HEADER_BYTES &&
           start[SAFETENSORS_PREFIX_BYTES] == '{';
}
