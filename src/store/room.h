/** The size limit of a store. */
#ifndef PROMPT_SRC_STORE_ROOM_H
#define PROMPT_SRC_STORE_ROOM_H

#include "prompt/store/store.h"

/** Removes the entries that were not used for longest until `n_bytes` more fit into the limit. The folder
 * must be locked. ERR_IO; ERR_MEMORY. */
int room_make(const struct store *s, uint64_t n_bytes);

#endif
