/* Growing arrays. */
#include "prompt/base/array.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int array_grow(void *items, size_t n, size_t item_size)
{
    const bool is_full = n == 0 || (n >= 8 && (n & (n - 1)) == 0);
    void *array = NULL;
    if (!is_full)
        return OK;
    memcpy(&array, items, sizeof array); /* a `T **` must not be read as a `void **` */
    array = realloc(array, (n ? 2 * n : 8) * item_size);
    if (!array)
        return error_out_of_memory();
    memcpy(items, &array, sizeof array);
    return OK;
}
