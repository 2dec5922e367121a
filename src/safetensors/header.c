/* The header of safetensors files. A header that is read is untrusted: see check_layout and read_*. */
#include "prompt/safetensors/header.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/json.h"
#include "prompt/base/json_write.h"

enum {
    PREFIX_BYTES = 8,             /* the header's length, little-endian */
    MAX_HEADER_BYTES = 100000000, /* the format's own limit */
    MAX_TENSORS = 65536,          /* finding a name is linear; no model has a tenth of this */
};

/* The format's word for each enum dtype. */
static const char *const dtype_words[] = {
    [DTYPE_F32] = "F32", [DTYPE_F64] = "F64", [DTYPE_F16] = "F16", [DTYPE_BF16] = "BF16",
    [DTYPE_I64] = "I64", [DTYPE_I32] = "I32", [DTYPE_U8] = "U8",   [DTYPE_BOOL] = "BOOL",
};
enum { N_DTYPES = sizeof dtype_words / sizeof dtype_words[0] };

/* ---------------------------------------------------------------- reading */

static uint64_t header_length(const unsigned char *prefix)
{
    uint64_t length = 0;
    for (int i = PREFIX_BYTES - 1; i >= 0; i--)
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
    for (size_t i = 0; i < N_DTYPES; i++) {
        if (strcmp(text, dtype_words[i]) == 0) {
            *out = (enum dtype)i;
            return OK;
        }
    }
    return error_set(ERR_FORMAT,
                     "dtype '%.40s' is not supported (F32, F64, F16, BF16, I64, I32, U8, BOOL are)", text);
}

/* Reads the shape, and the bytes of its tensor: at most
 * INT64_MAX, so that libtorch's products do not overflow. */
static int read_shape(struct safetensors_entry *e, uint64_t *n_bytes, const struct json *value)
{
    if (!value || json_type(value) != JSON_ARRAY)
        return error_set(ERR_FORMAT, "'shape' is not an array");
    uint64_t bytes = dtype_size(e->dtype);
    bool is_empty = false;
    for (const struct json *dim = json_first(value); dim; dim = json_next(dim)) {
        if (e->n_dims == SAFETENSORS_MAX_DIMS)
            return error_set(ERR_FORMAT, "'shape' has more than %d dimensions", (int)SAFETENSORS_MAX_DIMS);
        int64_t size = 0;
        if (json_i64(&size, dim) != OK)
            return error_context("'shape'");
        if (size < 0)
            return error_set(ERR_FORMAT, "'shape' has a negative size");
        e->dims[e->n_dims++] = size;
        if (size == 0)
            is_empty = true; /* multiply the others all the same: libtorch refuses their overflow, too */
        else if (bytes > (uint64_t)INT64_MAX / (uint64_t)size)
            return error_set(ERR_FORMAT, "the product of its shape is too large");
        else
            bytes *= (uint64_t)size;
    }
    *n_bytes = is_empty ? 0 : bytes;
    return OK;
}

static int read_offsets(struct safetensors_entry *e, const struct json *value)
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

static int read_entry(struct safetensors_entry *e, const struct json *member, uint64_t n_data_bytes)
{
    *e = (struct safetensors_entry){.name = json_key(member)};
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
    const struct safetensors_entry *x = a;
    const struct safetensors_entry *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) /* an empty tensor precedes the one that starts at its offset */
        return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Every byte of the data belongs to exactly one tensor. `entries` are sorted by offset. */
static int check_layout(const struct safetensors_entry *entries, size_t n, uint64_t n_data_bytes)
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

static int read_members(struct safetensors_header *out, size_t n_bytes)
{
    const struct json *root = json_root(out->doc);
    const uint64_t n_data_bytes = n_bytes - out->data_start;
    if (json_type(root) != JSON_OBJECT)
        return error_set(ERR_FORMAT, "the header is not a JSON object");
    const size_t n_members = json_size(root);
    if (n_members > MAX_TENSORS)
        return error_set(ERR_FORMAT, "the header has %zu entries; at most %d are read", n_members,
                         (int)MAX_TENSORS);
    out->entries = calloc(n_members + 1, sizeof *out->entries);
    if (!out->entries)
        return error_out_of_memory();
    int status = OK;
    for (const struct json *member = json_first(root); status == OK && member; member = json_next(member)) {
        if (strcmp(json_key(member), "__metadata__") == 0)
            status = read_metadata(&out->metadata, member);
        else if ((status = read_entry(&out->entries[out->n++], member, n_data_bytes)) != OK)
            error_context("tensor '%.200s'", json_key(member));
    }
    if (status != OK)
        return status;
    qsort(out->entries, out->n, sizeof *out->entries, compare_entries);
    return check_layout(out->entries, out->n, n_data_bytes);
}

int safetensors_header_read(struct safetensors_header *out, const void *file, size_t n_bytes)
{
    *out = (struct safetensors_header){0};
    if (n_bytes < PREFIX_BYTES)
        return error_set(ERR_FORMAT, "%zu bytes are too few for a safetensors file", n_bytes);
    const uint64_t length = header_length(file);
    if (length > MAX_HEADER_BYTES)
        return error_set(ERR_FORMAT, "not a safetensors file: its header would be %" PRIu64 " bytes long",
                         length);
    if (length > n_bytes - PREFIX_BYTES)
        return error_set(ERR_FORMAT,
                         "its header is %" PRIu64 " bytes long, but the file has %zu: is it truncated?",
                         length, n_bytes);
    const char *text = (const char *)file + PREFIX_BYTES;
    if (length == 0 || text[0] != '{')
        return error_set(ERR_FORMAT, "not a safetensors file: its header does not start with '{'");
    out->data_start = PREFIX_BYTES + (size_t)length;
    int status = json_parse(&out->doc, text, (size_t)length, "header");
    if (status == OK)
        status = read_members(out, n_bytes);
    if (status != OK)
        safetensors_header_free(out);
    return status;
}

void safetensors_header_free(struct safetensors_header *h)
{
    free(h->entries);
    metadata_free(&h->metadata);
    json_free(h->doc);
    *h = (struct safetensors_header){0};
}

bool safetensors_probe(const char *path)
{
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return false;
    unsigned char start[PREFIX_BYTES + 1];
    size_t n = fread(start, 1, sizeof start, stream);
    fclose(stream);
    return n == sizeof start && header_length(start) <= MAX_HEADER_BYTES && start[PREFIX_BYTES] == '{';
}

/* ---------------------------------------------------------------- writing */

static void append_entry(struct str *out, const struct safetensors_entry *e, uint64_t *at)
{
    uint64_t n_bytes = dtype_size(e->dtype);
    json_write_string(out, e->name);
    str_appendf(out, ":{\"dtype\":\"%s\",\"shape\":[", dtype_words[e->dtype]);
    for (size_t i = 0; i < e->n_dims; i++) {
        str_appendf(out, "%s%" PRId64, i ? "," : "", e->dims[i]);
        n_bytes *= (uint64_t)e->dims[i];
    }
    str_appendf(out, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", *at, *at + n_bytes);
    *at += n_bytes;
}

static void append_metadata(struct str *out, const struct metadata *metadata)
{
    str_append(out, "\"__metadata__\":{");
    for (size_t i = 0; i < metadata->n; i++) {
        str_append(out, i ? "," : "");
        json_write_string(out, metadata->items[i].key);
        str_append_char(out, ':');
        json_write_string(out, metadata->items[i].value);
    }
    str_append_char(out, '}');
}

int safetensors_header_write(struct str *out, const struct safetensors_entry *entries, size_t n,
                             const struct metadata *metadata)
{
    const bool has_metadata = metadata && metadata->n > 0;
    struct str json = {0};
    uint64_t at = 0;
    str_append_char(&json, '{');
    if (has_metadata)
        append_metadata(&json, metadata);
    for (size_t i = 0; i < n; i++) {
        str_append(&json, i || has_metadata ? "," : "");
        append_entry(&json, &entries[i], &at);
    }
    str_append_char(&json, '}');
    while (!json.failed && json.len % 8 != 0)
        str_append_char(&json, ' ');
    for (size_t i = 0; i < PREFIX_BYTES; i++)
        str_append_char(out, (char)((uint64_t)json.len >> (8 * i) & 0xff));
    str_append_n(out, str_text(&json), json.len);
    out->failed = out->failed || json.failed;
    str_free(&json);
    return str_status(out);
}
