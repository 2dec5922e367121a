/**
 * The header of safetensors files (https://github.com/huggingface/safetensors), without tensors: an 8-byte
 * little-endian length, then JSON, {name: {dtype, shape, data_offsets}, "__metadata__": {string: string}}.
 * The data follow. nn/safetensors.h makes tensors of them.
 */
#ifndef PROMPT_SAFETENSORS_HEADER_H
#define PROMPT_SAFETENSORS_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/dtype.h"
#include "prompt/base/str.h"
#include "prompt/safetensors/metadata.h"

struct json_doc;

enum { SAFETENSORS_MAX_DIMS = 16 };

/** A tensor as the header describes it. */
struct safetensors_entry {
    const char *name; /* borrowed */
    enum dtype dtype;
    int64_t dims[SAFETENSORS_MAX_DIMS];
    size_t n_dims;
    uint64_t begin, end; /* bytes, from the start of the data */
};

struct safetensors_header {
    struct safetensors_entry *entries; /* [n], owned; in the order of the data */
    size_t n;
    size_t data_start; /* bytes, from the start of the file */
    struct metadata metadata;
    struct json_doc *doc; /* owned; holds the names */
};

/**
 * Reads and checks the header of a whole file in memory. It is untrusted: lengths, offsets, overlaps, holes,
 * dtypes and shapes are checked, so that entries may be used without a further check. Bytes are bounded by
 * INT64_MAX.
 * @return OK; ERR_FORMAT naming the tensor, not the file; ERR_MEMORY
 */
int safetensors_header_read(struct safetensors_header *out, const void *file, size_t n_bytes);
void safetensors_header_free(struct safetensors_header *h); /* of a read or zeroed one; leaves it zeroed */

/**
 * Appends the length and the header, padded so that the data start on a multiple of 8. The data follow one
 * after another in the order of `entries`, whose offsets are ignored.
 * @param metadata  may be NULL
 */
int safetensors_header_write(struct str *out, const struct safetensors_entry *entries, size_t n,
                             const struct metadata *metadata);

/** True if the file starts like a safetensors file (length, then '{'). False if it cannot be read. */
bool safetensors_probe(const char *path);

#endif
