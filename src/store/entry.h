/** The file of an entry. */
#ifndef PROMPT_SRC_STORE_ENTRY_H
#define PROMPT_SRC_STORE_ENTRY_H

#include "prompt/store/store.h"

/** Appends all of the file but the data: the header, with key and digest. */
int entry_write_header(struct str *out, const char *key, const struct safetensors_entry *arrays,
                       const void *const *data, size_t n, const struct metadata *notes);
/** Takes `file` [n_bytes], owned, also on failure, and checks it. ERR_FORMAT; ERR_MEMORY. */
int entry_read(struct store_entry *out, char *file, size_t n_bytes, const char *key);
/** Bytes of an array's values. */
size_t entry_array_bytes(const struct safetensors_entry *array);

#endif
