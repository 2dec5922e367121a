/**
 * The tensors of safetensors files. Reading checks the header (safetensors/header.h), maps the file and makes
 * tensors without a copy.
 */
#ifndef PROMPT_NN_SAFETENSORS_H
#define PROMPT_NN_SAFETENSORS_H

#include <stdbool.h>

#include "prompt/nn/params.h"
#include "prompt/safetensors/header.h"

/**
 * An open, mapped file; its tensors are views of the mapping, valid until safetensors_close. If another
 * program shortens the file meanwhile, the system kills this one (SIGBUS): replace weights by renaming, as
 * safetensors_write does.
 */
struct safetensors {
    const void *data; /* the mapping */
    size_t n_bytes;
    bool is_borrowed; /* memory of the caller, not mapped */
    void **copies;    /* owned; of tensors whose offset is not a multiple of their element's size */
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
/** The same of a file in memory, which is borrowed. */
int safetensors_open_bytes(struct safetensors **out, scope *s, const void *bytes, size_t n_bytes);
void safetensors_close(struct safetensors *file);
/** Takes the mapping's pages out of the process's memory; the tensors stay valid and read them again. */
void safetensors_forget(const struct safetensors *file);

/**
 * Writes tensors (any device, any dtype) atomically. Data are in the given order, but larger elements first,
 * so that each offset is a multiple of the element's size.
 * @param metadata  may be NULL
 */
int safetensors_write(const char *path, const struct params *tensors, const struct metadata *metadata);
/** Appends the same bytes to `out`. */
int safetensors_append(struct str *out, const struct params *tensors, const struct metadata *metadata);

#endif
