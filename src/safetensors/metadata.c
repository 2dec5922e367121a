/* Metadata of safetensors files: strings by their keys. */
#include "prompt/safetensors/metadata.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/str.h"

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
    if (!key_copy || array_grow(&m->items, m->n, sizeof *m->items) != OK) {
        free(key_copy);
        free(value_copy);
        return ERR_MEMORY;
    }
    m->items[m->n++] = (struct metadata_entry){.key = key_copy, .value = value_copy};
    return OK;
}

int metadata_set_i64(struct metadata *m, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return metadata_set(m, key, text);
}

const char *metadata_get(const struct metadata *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->items[i].key, key) == 0)
            return m->items[i].value;
    return NULL;
}

int metadata_get_i64(int64_t *out, const struct metadata *m, const char *key)
{
    const char *text = metadata_get(m, key);
    if (!text || str_parse_i64(out, text) != OK || *out < 0)
        return error_set(ERR_FORMAT, "metadata '%s': expected a number, found '%.40s'", key,
                         text ? text : "none");
    return OK;
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
