/** Arrays that grow by one item at a time. */
#ifndef PROMPT_BASE_ARRAY_H
#define PROMPT_BASE_ARRAY_H

#include <stddef.h>

#include "prompt/base/error.h"

/**
 * Makes room for one item more behind the first `n` of an array that nothing else has allocated: its capacity
 * is 8 or the next power of two, so that none is kept beside it.
 * @param items      address of the array's pointer, which is NULL before the first item
 * @param item_size  `sizeof *items`
 * @return OK; ERR_MEMORY, and the array is as it was
 */
int array_grow(void *items, size_t n, size_t item_size);

#endif
