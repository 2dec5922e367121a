/**
 * Safetensors files (https://github.com/huggingface/safetensors): an 8-byte little-endian header length, a
 * JSON header {name: {dtype, shape, data_offsets}, "__metadata__": {string: string}}, then the data.
 *
 * Reading maps the file; tensors are views of the mapping. The header is untrusted: lengths, offsets,
 * overlaps, gaps, dtypes and shapes are checked before any data is touched.
 */
#ifndef PROMPT_NN_SAFETENSORS_H
#define PROMPT_NN_SAFETENSORS_H

#include "prompt/base/str.h"
#include "prompt/nn/params.h"

struct metadata_entry {
    char *key;
    char *value;
};

struct metadata {
    struct metadata_entry *items;
    size_t n;
};

int metadata_set(struct metadata *m, const char *key, const char *value); /* copies; replaces an old value */
const char *metadata_get(const struct metadata *m, const char *key);      /* borrowed or NULL */
void metadata_free(struct metadata *m);

/**
 * An open, mapped file; its tensors are views of the mapping, valid until safetensors_close. If another
 * program shortens the file meanwhile, the system kills this one (SIGBUS): replace weights by renaming, as
 * safetensors_write does.
 */
struct safetensors {
    const void *data; /* the mapping */
    size_t n_bytes;
    void **copies; /* owned; of tensors whose offset is not a multiple of their element's size */
    size_t n_copies;
    struct params tensors; /* borrowed from the scope of safetensors_open; CPU, in the order of the data */
    struct metadata metadata;
};

/**
 * Maps and checks `path`. The views live in `s`, which must be closed before safetensors_close.
 * @param out  owned; safetensors_close frees it
 * @return OK; ERR_IO; ERR_FORMAT naming the file and the tensor; ERR_MEMORY
 */
int safetensors_open(struct safetensors **out, scope *s, const char *path);
void safetensors_close(struct safetensors *file);

/** Whether the file starts like a safetensors file (length, then '{'); false if it cannot be read. */
bool safetensors_probe(const char *path);

/**
 * Writes tensors (any device, any dtype) atomically. Data are in the given order, but larger elements first,
 * so that each offset is a multiple of the element's size.
 * @param metadata  may be NULL
 */
int safetensors_write(const char *path, const struct params *tensors, const struct metadata *metadata);
/** Appends the same bytes to `out`. */
int safetensors_append(struct str *out, const struct params *tensors, const struct metadata *metadata);

#endif
