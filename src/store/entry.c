/* The file of an entry: safetensors whose metadata hold the key, notes, and a digest of all the rest. */
#include "entry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char KEY[] = "prompt.store.key";
static const char DIGEST[] = "prompt.store.sha256";

size_t entry_array_bytes(const struct safetensors_entry *array)
{
    size_t n = dtype_size(array->dtype);
    for (size_t i = 0; i < array->n_dims; i++)
        n *= (size_t)array->dims[i];
    return n;
}

static void add_text(struct digest *d, const char *text)
{
    digest_update(d, text, strlen(text) + 1);
}

static int add_description(struct digest *d, const struct safetensors_entry *array)
{
    struct str text = {0};
    str_appendf(&text, "%s %s", array->name, dtype_name(array->dtype));
    for (size_t i = 0; i < array->n_dims; i++)
        str_appendf(&text, " %" PRId64, array->dims[i]);
    add_text(d, str_text(&text));
    int status = str_status(&text);
    str_free(&text);
    return status;
}

/* SHA-256 over the metadata but the digest itself, and over the description and the values of each array. */
static int digest_entry(char hex[DIGEST_HEX_SIZE], const struct metadata *metadata,
                        const struct safetensors_entry *arrays, const void *const *data, size_t n)
{
    struct digest *d = NULL;
    int status = digest_open(&d);
    if (status != OK)
        return status;
    for (size_t i = 0; i < metadata->n; i++) {
        if (strcmp(metadata->items[i].key, DIGEST) == 0)
            continue;
        add_text(d, metadata->items[i].key);
        add_text(d, metadata->items[i].value);
    }
    for (size_t i = 0; status == OK && i < n; i++)
        if ((status = add_description(d, &arrays[i])) == OK)
            digest_update(d, data[i], entry_array_bytes(&arrays[i]));
    const int closed = digest_close(hex, d);
    return status == OK ? closed : status;
}

int entry_write_header(struct str *out, const char *key, const struct safetensors_entry *arrays,
                       const void *const *data, size_t n, const struct metadata *notes)
{
    struct metadata metadata = {0};
    char hex[DIGEST_HEX_SIZE];
    int status = metadata_set(&metadata, KEY, key);
    for (size_t i = 0; status == OK && notes && i < notes->n; i++)
        status = metadata_set(&metadata, notes->items[i].key, notes->items[i].value);
    if (status == OK && (status = digest_entry(hex, &metadata, arrays, data, n)) == OK &&
        (status = metadata_set(&metadata, DIGEST, hex)) == OK)
        status = safetensors_header_write(out, arrays, n, &metadata);
    metadata_free(&metadata);
    return status;
}

/* Where the values of each array are; owned. */
static const void **locate(const struct store_entry *e)
{
    const void **data = calloc(e->header.n + 1, sizeof *data);
    for (size_t i = 0; data && i < e->header.n; i++)
        data[i] = e->file + e->header.data_start + e->header.entries[i].begin;
    return data;
}

static int check(const struct store_entry *e, const char *key)
{
    const struct metadata *metadata = &e->header.metadata;
    const char *stored_key = metadata_get(metadata, KEY), *stored_digest = metadata_get(metadata, DIGEST);
    char hex[DIGEST_HEX_SIZE];
    if (!stored_key || !stored_digest)
        return error_set(ERR_FORMAT, "it is no entry of a store");
    if (strcmp(stored_key, key) != 0)
        return error_set(ERR_FORMAT, "it is the entry of another key");
    const void **data = locate(e);
    int status =
        data ? digest_entry(hex, metadata, e->header.entries, data, e->header.n) : error_out_of_memory();
    free(data);
    if (status == OK && strcmp(stored_digest, hex) != 0)
        status = error_set(ERR_FORMAT, "its digest is that of another content");
    return status;
}

int entry_read(struct store_entry *out, char *file, size_t n_bytes, const char *key)
{
    *out = (struct store_entry){.file = file, .n_bytes = n_bytes};
    int status = safetensors_header_read(&out->header, file, n_bytes);
    if (status == OK)
        status = check(out, key);
    if (status != OK)
        store_entry_free(out);
    return status;
}

const void *store_entry_array(const struct store_entry *e, const char *name, enum dtype dtype,
                              const int64_t *dims, size_t n_dims)
{
    for (size_t i = 0; i < e->header.n; i++) {
        const struct safetensors_entry *array = &e->header.entries[i];
        if (strcmp(array->name, name) == 0 && array->dtype == dtype && array->n_dims == n_dims &&
            memcmp(array->dims, dims, n_dims * sizeof *dims) == 0)
            return e->file + e->header.data_start + array->begin;
    }
    return NULL;
}

void store_entry_free(struct store_entry *e)
{
    safetensors_header_free(&e->header);
    free(e->file);
    *e = (struct store_entry){0};
}
