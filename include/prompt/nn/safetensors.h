/**
 * Safetensors files (https://github.com/huggingface/safetensors): an 8-byte little-endian header length, a
 * JSON header {name: {dtype, shape, data_offsets}, "__metadata__": {string: string}}, then the data.
 *
 * Reading maps the file and makes tensors without a copy. The header is untrusted: lengths, offsets,
 * overlaps, holes, dtypes and shapes are checked before anything is touched.
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
const char *metadata_get(const struct metadata *m, const char *key);      /* NULL if missing */
void metadata_free(struct metadata *m);

/**
 * An open, mapped file; its tensors are views of the mapping and die with it. Should another program shorten
 * the file meanwhile, the system ends this one (SIGBUS): weights are replaced by renaming, as
 * safetensors_write does.
 */
struct safetensors {
    const void *data; /* the mapping */
    size_t n_bytes;
    void **copies; /* of the tensors that do not lie on a multiple of their element's size */
    size_t n_copies;
    struct params tensors; /* CPU, in the scope given to safetensors_open; in the order of the data */
    struct metadata metadata;
};

/**
 * Maps and checks `path`. The views live in `s`, which must be closed before safetensors_close.
 * @return OK; ERR_IO; ERR_FORMAT naming the file and the tensor; ERR_MEMORY
 */
int safetensors_open(struct safetensors **out, scope *s, const char *path);
void safetensors_close(struct safetensors *file);

/** True if the file starts like a safetensors file (length, then '{'). False if it cannot be read. */
bool safetensors_probe(const char *path);

/**
 * Writes tensors (any device, any dtype) atomically. Their data stand in the order given, but those of larger
 * elements first, so that each lies on a multiple of its element's size.
 * @param metadata  may be NULL
 */
int safetensors_write(const char *path, const struct params *tensors, const struct metadata *metadata);
/** Appends the same bytes to `out`. */
int safetensors_append(struct str *out, const struct params *tensors, const struct metadata *metadata);

#endif
