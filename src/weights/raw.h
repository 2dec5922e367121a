/** All tensors of a file under their own names. */
#ifndef PROMPT_SRC_WEIGHTS_RAW_H
#define PROMPT_SRC_WEIGHTS_RAW_H

#include "prompt/weights/weights.h"

/** A tensor under the file's own name. */
struct raw_tensor {
    char *name;     /* owned */
    size_t n_outer; /* bytes of the name that come from dicts around its own */
    tensor *value;  /* borrowed; NULL if its kind is not supported */
    char *found;    /* owned; the unsupported kind, "is sparse"; else NULL */
    size_t shard;   /* index of its file */
};

/** All tensors of a file, or of all its shards; `{0}` is empty. */
struct weights_raw {
    struct raw_tensor *items;
    size_t n;
    struct archive_facts facts; /* of the last file */
};

/** Appends a file's tensors to those of other shards; adds the mappings of safetensors to `w->files`. */
int weights_raw_read(struct weights_raw *raw, struct weights *w, const char *path, size_t shard);
bool weights_raw_has_prefix(const struct weights_raw *raw, const char *prefix);
void weights_raw_free(struct weights_raw *raw);

#endif
