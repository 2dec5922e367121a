/** The metadata of a safetensors file: strings by their keys. */
#ifndef PROMPT_SAFETENSORS_METADATA_H
#define PROMPT_SAFETENSORS_METADATA_H

#include <stddef.h>
#include <stdint.h>

struct metadata_entry {
    char *key;   /* owned */
    char *value; /* owned */
};

struct metadata {
    struct metadata_entry *items; /* [n], owned */
    size_t n;
};

int metadata_set(struct metadata *m, const char *key, const char *value); /* copies; replaces an old value */
int metadata_set_i64(struct metadata *m, const char *key, int64_t value);
const char *metadata_get(const struct metadata *m, const char *key); /* borrowed; NULL if missing */
/** A number of at least 0; ERR_FORMAT naming the key. */
int metadata_get_i64(int64_t *out, const struct metadata *m, const char *key);
void metadata_free(struct metadata *m);

#endif
