/** Arrays that grow item by item. */
#ifndef PROMPT_BASE_ARRAY_H
#define PROMPT_BASE_ARRAY_H

#include <stddef.h>

#include "prompt/base/error.h"

/**
 * Makes room for one more item after the first `n`. The capacity follows from `n` (8, then the powers of
 * two), so every item of the array must have been added this way.
 * @param items      address of the pointer to the array, owned; NULL before the first item
 * @param item_size  `sizeof *items`
 * @return OK; ERR_MEMORY, and the array is unchanged
 */
int array_grow(void *items, size_t n, size_t item_size);

#endif
