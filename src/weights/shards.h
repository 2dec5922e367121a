/** Weights in several files with an index. */
#ifndef PROMPT_SRC_WEIGHTS_SHARDS_H
#define PROMPT_SRC_WEIGHTS_SHARDS_H

#include "raw.h"

bool weights_is_index(const char *path);

/** Reads the shards of the index `w->path`, and checks that each tensor is in its shard and in no other. */
int weights_read_shards(struct weights_raw *raw, struct weights *w);

#endif
